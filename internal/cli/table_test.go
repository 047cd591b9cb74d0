package cli

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestATableIsAlignedWhateverACellHas(t *testing.T) {
	var table table
	table.add("ID", "WATCHES", "TARGET")
	table.add("1", "model:me/模型", "http://x")
	table.add("2", "", "http://y")
	table.add("3", "user:me\t\x1b[2J\nforged", "http://z")
	var out strings.Builder
	if err := table.print(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 || strings.Contains(out.String(), "\x1b") {
		t.Fatalf("%q", lines)
	}
	for i, target := range []string{"TARGET", "http://x", "http://y", "http://z"} {
		before, _, _ := strings.Cut(lines[i], "  "+target)
		heading, _, _ := strings.Cut(lines[0], "  TARGET")
		if ansi.StringWidth(before) != ansi.StringWidth(heading) {
			t.Errorf("%q is not aligned with %q", lines[i], lines[0])
		}
	}
}
