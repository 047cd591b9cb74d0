package tunneltest

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Diagnose diagnoses a provider. The error is that of its New.
func Diagnose(t testing.TB, p tunnel.Provider, err error, client *http.Client, opts tunnel.Options) []tunnel.Finding {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return tunnel.Diagnose(t.Context(), p, client, opts)
}

// Steps returns the names of the steps, with a mark behind those that failed.
func Steps(found []tunnel.Finding) string {
	var names []string
	for _, f := range found {
		name := f.Step
		if f.Err != nil {
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// WantSteps compares the steps, and the text of the last one's error.
func WantSteps(t testing.TB, found []tunnel.Finding, want, says string) {
	t.Helper()
	last := found[len(found)-1]
	if got := Steps(found); got != want {
		t.Errorf("found %q, want %q: %+v", got, want, found)
	}
	switch {
	case says == "" && last.Err != nil:
		t.Errorf("%v", last.Err)
	case says != "" && (last.Err == nil || !strings.Contains(last.Err.Error(), says)):
		t.Errorf("%v", last.Err)
	}
}

// StepOf returns the step of a ConnectError, or "" for another error.
func StepOf(err error) tunnel.Step {
	var e *tunnel.ConnectError
	if errors.As(err, &e) {
		return e.Step
	}
	return ""
}
