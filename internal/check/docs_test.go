package check_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/check"
)

// TestThePageListsTheChecks compares docs/check.md with the table of checks. Where it
// differs, the test prints the table as it has to be.
func TestThePageListsTheChecks(t *testing.T) {
	b, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	group := check.Group("")
	for _, c := range check.All() {
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(&want, "\n### %s\n\n| check | what is sent | how the answer is judged | why it matters |\n|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", c.Name, c.Sends, c.Judged, c.Why)
	}
	if !strings.Contains(string(b), want.String()) {
		t.Errorf("docs/check.md does not have this:\n%s", want.String())
	}
}

func TestEveryCheckIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range check.Groups() {
		seen[string(group)] = true
	}
	for _, c := range check.All() {
		if c.Name == "" || c.Sends == "" || c.Judged == "" || c.Why == "" || seen[c.Name] {
			t.Errorf("%+v is incomplete, or its name is that of another check or a group", c)
		}
		seen[c.Name] = true
		if !seen[string(c.Group)] {
			t.Errorf("%s is in no group", c.Name)
		}
	}
}
