package house

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/hf-tap/hf-tap/event/filter"
)

var keyRow = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| .+ \\|$")

func TestTheFilterPageTellsOfEveryKeyAndNoOther(t *testing.T) {
	b, err := os.ReadFile("docs/filter.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, known []string
	for _, m := range keyRow.FindAllStringSubmatch(string(b), -1) {
		documented = append(documented, m[1])
	}
	for _, key := range filter.Keys() {
		known = append(known, key.Name)
	}
	if !slices.Equal(documented, known) {
		t.Errorf("docs/filter.md tells of %q, and filters know %q", documented, known)
	}
}
