package sandbox

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// jobFlavors are the machines that the OpenAPI document lists.
const jobFlavors = "cpu-basic cpu-upgrade cpu-performance cpu-xl sprx8 zero-a10g t4-small t4-medium l4x1 l4x4 " +
	"l40sx1 l40sx4 l40sx8 a10g-small a10g-large a10g-largex2 a10g-largex4 a100-large a100x4 a100x8 " +
	"h200 h200x2 h200x4 h200x8 rtx-pro-6000 rtx-pro-6000x2 rtx-pro-6000x4 rtx-pro-6000x8 inf2x6"

// jobAnswer is a job as the Hub returns it: of the secrets only the names, and
// nothing of what says how the job is run.
type jobAnswer struct {
	DockerImage    string   `json:"dockerImage,omitempty"`
	SpaceID        string   `json:"spaceId,omitempty"`
	Environment    object   `json:"environment"`
	Arguments      []string `json:"arguments,omitempty"`
	Command        []string `json:"command,omitempty"`
	Flavor         string   `json:"flavor"`
	TimeoutSeconds *int64   `json:"timeoutSeconds"`
	Labels         object   `json:"labels,omitempty"`
	Secrets        []string `json:"secrets,omitempty"`
}

// validJob checks a job against the OpenAPI document, and returns it in the form of the
// API's answers.
func validJob(job fields) (json.RawMessage, error) {
	var a jobAnswer
	var secrets object
	checks := []func() error{
		func() error { return text(job, "dockerImage", &a.DockerImage) },
		func() error { return text(job, "spaceId", &a.SpaceID) },
		func() error { return texts(job, "arguments", &a.Arguments) },
		func() error { return command(job, &a.Command) },
		func() error { return named(job, "environment", `^[a-zA-Z][_a-zA-Z0-9]+$`, ``, &a.Environment) },
		func() error { return named(job, "secrets", `^[a-zA-Z][_a-zA-Z0-9]*$`, ``, &secrets) },
		func() error {
			return named(job, "labels", `^[a-zA-Z0-9._-]{1,100}$`, `^[a-zA-Z0-9._-]{0,100}$`, &a.Labels)
		},
		func() error { return oneOf(job, "flavor", strings.Fields(jobFlavors), true, &a.Flavor) },
		func() error { return timeoutSeconds(job, &a.TimeoutSeconds) },
		func() error { return notTold(job) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return nil, fmt.Errorf("job: %w", err)
		}
	}
	for _, secret := range secrets {
		a.Secrets = append(a.Secrets, secret.key)
	}
	return marshal(a)
}

func text(job fields, key string, v *string) error {
	_, err := get(job, key, "a string", v)
	return err
}

func texts(job fields, key string, v *[]string) error {
	var items []*string
	given, err := get(job, key, "an array of strings", &items)
	if err != nil || !given {
		return err
	}
	*v = []string{}
	for i, item := range items {
		if item == nil {
			return fmt.Errorf("%s.%d: must be a string", key, i)
		}
		*v = append(*v, *item)
	}
	return nil
}

func command(job fields, v *[]string) error {
	if err := texts(job, "command", v); err != nil {
		return err
	}
	if _, given := job["command"]; given && len(*v) == 0 {
		return fmt.Errorf(`"command": must have at least 1 item`)
	}
	if slices.Contains(*v, "") {
		return fmt.Errorf(`"command": an item is empty`)
	}
	return nil
}

// named reads an object of strings whose names, and values where a pattern is
// given, match. It keeps the order of the names.
func named(job fields, key, names, values string, v *object) error {
	var given orderedJSON
	if there, err := get(job, key, "an object of strings", &given); err != nil || !there {
		return err
	}
	items, ok := given.value.(object)
	if !ok {
		return fmt.Errorf("%+q: must be an object of strings", key)
	}
	nameOK, valueOK := regexp.MustCompile(names), regexp.MustCompile(values)
	for _, item := range items {
		value, isText := item.value.(string)
		switch {
		case !nameOK.MatchString(item.key):
			return fmt.Errorf("%+q: the name %+q must match %s", key, item.key, names)
		case !isText:
			return fmt.Errorf("%s.%s: must be a string", key, strings.Trim(fmt.Sprintf("%+q", item.key), `"`))
		case !valueOK.MatchString(value):
			return fmt.Errorf("%s.%s: must match %s", key, item.key, values)
		}
	}
	*v = items
	return nil
}

func oneOf(job fields, key string, words []string, required bool, v *string) error {
	given, err := get(job, key, "a string", v)
	if err == nil && !given && !required {
		return nil
	}
	if err != nil || !slices.Contains(words, *v) {
		return fmt.Errorf("%+q: must be one of %s", key, strings.Join(words, ", "))
	}
	return nil
}

// timeoutSeconds is the one value that may be null.
func timeoutSeconds(job fields, v **int64) error {
	if string(job["timeoutSeconds"]) == "null" {
		return nil
	}
	n, given, err := integer(job, "timeoutSeconds", 1, 1<<53-1)
	if given && err == nil {
		*v = &n
	}
	return err
}

func integer(f fields, key string, least, most float64) (n int64, given bool, err error) {
	var x float64
	want := fmt.Sprintf("an integer from %.0f to %.0f", least, most)
	given, err = get(f, key, want, &x)
	if err == nil && given && (x != math.Trunc(x) || x < least || x > most) {
		err = fmt.Errorf("%+q: must be %s", key, want)
	}
	return int64(x), given, err
}

// notTold checks the parts of a job that the API's answers leave out.
func notTold(job fields) error {
	var arch, group string
	if err := oneOf(job, "arch", []string{"amd64", "arm64"}, false, &arch); err != nil {
		return err
	}
	if _, _, err := integer(job, "attempts", 1, 1<<53-1); err != nil {
		return err
	}
	if given, err := get(job, "resourceGroupId", "a string", &group); err != nil {
		return err
	} else if given && !regexp.MustCompile(`^[0-9a-fA-F]{24}$`).MatchString(group) {
		return fmt.Errorf(`"resourceGroupId": must be 24 hex digits`)
	}
	if err := volumes(job); err != nil {
		return err
	}
	var expose, ssh fields
	if given, err := get(job, "expose", "an object", &expose); err != nil {
		return err
	} else if given {
		if err := ports(expose); err != nil {
			return fmt.Errorf("expose: %w", err)
		}
	}
	if _, err := get(job, "ssh", "an object", &ssh); err != nil {
		return err
	}
	var enabled bool
	if _, err := get(ssh, "enabled", "true or false", &enabled); err != nil {
		return fmt.Errorf("ssh: %w", err)
	}
	return nil
}

func volumes(job fields) error {
	var list []fields
	given, err := get(job, "volumes", "an array of objects", &list)
	if err != nil || !given {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf(`"volumes": must have at least 1 item`)
	}
	for i, volume := range list {
		if err := validVolume(volume); err != nil {
			return fmt.Errorf("volumes.%d: %w", i, err)
		}
	}
	return nil
}

func validVolume(volume fields) error {
	var typ, source, mount, other string
	var readOnly bool
	if err := oneOf(volume, "type", []string{"bucket", "model", "dataset", "space"}, true, &typ); err != nil {
		return err
	}
	if given, err := get(volume, "source", "a string", &source); err != nil || !given {
		return fmt.Errorf(`"source": must be a string`)
	}
	if _, err := get(volume, "mountPath", "a string", &mount); err != nil || !strings.HasPrefix(mount, "/") {
		return fmt.Errorf(`"mountPath": must be a string that starts with /`)
	}
	if _, err := get(volume, "readOnly", "true or false", &readOnly); err != nil {
		return err
	}
	for _, key := range []string{"revision", "path"} {
		if err := text(volume, key, &other); err != nil {
			return err
		}
	}
	return nil
}

func ports(expose fields) error {
	for _, key := range []string{"ports", "portsPublic"} {
		var list []float64
		given, err := get(expose, key, "an array of ports", &list)
		bad := slices.ContainsFunc(list, func(p float64) bool { return p != math.Trunc(p) || p < 1 || p > 65535 })
		switch {
		case err != nil:
			return err
		case !given && key == "ports":
			return fmt.Errorf(`"ports": is required`)
		case len(list) > 20 || bad:
			return fmt.Errorf("%+q: must be at most 20 ports from 1 to 65535", key)
		}
	}
	return nil
}
