package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/jobspec"
)

// readJob reads the file of --job.
func readJob(file string) (json.RawMessage, error) {
	spec, err := jobspec.ReadFile(file)
	if err == nil {
		return spec, nil
	}
	hint := "write one: flavor: cpu-basic, dockerImage: python:3.12, command: [python, train.py]"
	if wrong := new(jobspec.Error); errors.As(err, &wrong) {
		hint = "change it in " + quoted(file)
		if wrong.Instead != "" {
			hint = fmt.Sprintf("write %q in %s", wrong.Instead, quoted(file))
		}
	}
	if at := new(fs.PathError); errors.As(err, &at) {
		err = at.Err // the name is in front
	}
	return nil, usageError(fmt.Errorf("the Job in %q: %w", file, err), hint)
}

// job is the part of the Hub's answer about a Job that is shown or compared. Of secrets
// these are the names.
type job struct {
	DockerImage, SpaceID, Flavor string
	Command, Arguments           []string
	Environment, Labels          map[string]string
	Secrets                      []string
	TimeoutSeconds               int64
}

// jobOf reads the Job of a webhook. What cannot be read is left out.
func jobOf(w hub.Webhook) (j job) {
	_ = json.Unmarshal(w.Job, &j)
	return j
}

// runsIn says where a Job runs.
func (j job) runsIn() (where string) {
	for _, part := range []struct{ name, value string }{{"image", j.DockerImage}, {"Space", j.SpaceID}, {"on", j.Flavor}} {
		if part.value != "" {
			where += ", " + part.name + " " + part.value
		}
	}
	return where
}

// sameJob reports whether the Hub returns the Job that was sent, as far as it
// returns one.
func sameJob(now hub.Webhook, sent json.RawMessage) bool {
	is, should := jobOf(now), jobOf(hub.Webhook{Job: sent})
	is.Secrets, should.Secrets = nil, nil // names here, an object there
	for _, j := range []*job{&is, &should} {
		for _, texts := range []*map[string]string{&j.Environment, &j.Labels} {
			if len(*texts) == 0 {
				*texts = nil
			}
		}
		for _, texts := range []*[]string{&j.Command, &j.Arguments} {
			if len(*texts) == 0 {
				*texts = nil
			}
		}
	}
	return reflect.DeepEqual(is, should)
}

// jobFlag is the flag for the Job of a spec, with a blank in front, to repeat it in a
// hint.
func (f *specFlags) jobFlag() string {
	return cmp.Or(flagWords("--job", f.jobFile), flagWords("--job-id", f.jobID))
}

func flagWords(flag, value string) string {
	if value == "" {
		return ""
	}
	return " " + flag + " " + quoted(value)
}

// aimed reports whether a spec has something to call or to start.
func aimed(s hub.WebhookSpec) bool { return s.URL+s.JobSourceID != "" || len(s.Job) > 0 }
