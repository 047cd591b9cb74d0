package listen

import (
	"slices"
	"testing"
)

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

func TestEventsAreListedByTheirNumbers(t *testing.T) {
	for want, numbers := range map[string][]int64{"#3": {3}, "#3, #4": {3, 4}, "#1, #2 … #9 (5)": {1, 2, 5, 7, 9}} {
		if got := listOfEvents(numbers); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAnEditorsCommandMayHaveQuotes(t *testing.T) {
	for command, want := range map[string][]string{
		"vi":                         {"vi"},
		"code --wait":                {"code", "--wait"},
		"'/opt/My Editor/run' -x":    {"/opt/My Editor/run", "-x"},
		`"/opt/My Editor/run" "a b"`: {"/opt/My Editor/run", "a b"},
		`/opt/My\ Editor/run ''`:     {"/opt/My Editor/run", ""},
		"  ":                         nil,
	} {
		if got := splitWords(command); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", command, got, want)
		}
	}
}
