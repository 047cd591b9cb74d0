package webhooks_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A program that imports this package links the standard library, the public
// packages that it needs and their leaves: no database, no tunnel, no terminal,
// no jq.
func TestAProgramWithHandlersLinksNothingElse(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	const module = "github.com/hf-tap/hf-tap/"
	got := strings.Fields(string(out))
	slices.Sort(got)
	if want := []string{module + "event", module + "hub", module + "internal/headers", module + "internal/loopback", module + "internal/neterror", module + "webhooks"}; !slices.Equal(got, want) {
		t.Errorf("it links %q, want %q", got, want)
	}
}
