package listen

import "testing"

func TestLongListsOfReplaysAreShort(t *testing.T) {
	for want, all := range map[string][]string{
		"#4 → #9":           {"#4 → #9"},
		"#4 → #9, #5 → #10": {"#4 → #9", "#5 → #10"},
		"#1 → #6, #2 → #7 … #5 → #10 (5)": {"#1 → #6", "#2 → #7", "#3 → #8", "#4 → #9", "#5 → #10"},
	} {
		if got := shortList(all); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
