package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/pflag"
)

// specFlags are the settings of a webhook that create and update take. The
// secret is never the value of a flag: ps would show it.
type specFlags struct {
	url, jobID    string
	jobFile       string
	watch, domain []string
	secretFile    string
	keptSecret    bool
	clearSecret   bool // of update only
	given         func(flag string) bool
}

func (f *specFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.url, "url", "", "the URL that the Hub posts events to")
	fs.StringVar(&f.jobID, "job-id", "", "start a copy of this Job for each event, instead of --url")
	fs.StringVar(&f.jobFile, "job", "", "start the Job in this JSON or YAML file, instead of --url")
	fs.StringVar(&f.secretFile, "secret-file", "", "take the webhook's secret from this file")
	fs.BoolVar(&f.keptSecret, "use-kept-secret", false, "use the secret that \"hf-tap secret\" prints")
	f.given = fs.Changed
}

// parse reads the settings that are given and leaves the others empty. command
// is what hints begin with.
func (f *specFlags) parse(p *Process, command string) (spec hub.WebhookSpec, err error) {
	for _, s := range f.watch {
		w, err := p.parseWatch(s, command+" --watch")
		if err != nil {
			return spec, err
		}
		spec.Watched = append(spec.Watched, w)
	}
	spec.Watched = unique(p, spec.Watched, func(w hub.Watch) string { return "--watch " + w.String() })
	for _, s := range f.domain {
		domain, err := parseDomain(s, command+" --domain")
		if err != nil {
			return spec, err
		}
		spec.Domains = append(spec.Domains, domain)
	}
	spec.Domains = unique(p, spec.Domains, func(d hub.Domain) string { return "--domain " + string(d) })
	switch {
	case f.given("job") && f.given("job-id"):
		return spec, usageError(errors.New("a webhook has one Job"), "leave out --job or --job-id")
	case f.given("url") && f.given("job"):
		return spec, usageError(errors.New("a webhook has a URL or a Job, not both"), "leave out --url or --job")
	case f.given("url") && f.given("job-id"):
		return spec, usageError(errors.New("a webhook has a URL or a Job, not both"), "leave out --url or --job-id")
	}
	if f.given("url") {
		const example = "--url https://example.com/hook"
		whole := hub.WebhookSpec{URL: f.url, Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{hub.DomainRepo}}
		if err := whole.Check(); err != nil {
			return spec, usageError(err, command+" "+example)
		}
	}
	if strings.ContainsFunc(f.jobID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return spec, usageError(fmt.Errorf("%q is not the id of a Job", f.jobID), command+" --job-id 687f911eaea852de79c4a50a")
	}
	if f.given("job") {
		if spec.Job, err = readJob(f.jobFile); err != nil {
			return spec, err
		}
	}
	spec.URL, spec.JobSourceID = f.url, f.jobID
	return spec, f.checkSecret()
}

// secretGiven reports whether a flag sets, keeps or removes the secret.
func (f *specFlags) secretGiven() bool {
	return f.given("secret-file") || f.keptSecret || f.clearSecret
}

func (f *specFlags) checkSecret() error {
	said := 0
	for _, given := range []bool{f.given("secret-file"), f.keptSecret, f.clearSecret} {
		if given {
			said++
		}
	}
	if said > 1 {
		return usageError(errors.New("more than one flag sets the secret"), "use only one of --secret-file, --use-kept-secret and --clear-secret")
	}
	return nil
}

// secret reads the secret that the flags name, "" if they name none.
func (f *specFlags) secret(p *Process, dir session.Dir) (string, error) {
	if f.secretFile == "" && !f.keptSecret {
		return "", nil
	}
	file := f.secretFile
	if f.keptSecret {
		file, _ = p.fromFile("secret_file") // as "hf-tap secret"
	}
	return (&secretFlags{file: file}).find(p, dir)
}
