package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/nearest"
)

// WordError means that a word is not the name of a check or a group.
type WordError struct {
	Word    string
	Nearest string // the name that was probably meant, "" if none is close
}

// Error names the word.
func (e *WordError) Error() string { return fmt.Sprintf("there is no check or group %q", e.Word) }

// Select returns the checks that a word of only names, or all if only is empty, without
// those that a word of skip names. A name is that of a check or a group, and "*" in it
// stands for any characters. The error is a [*WordError] for a name that fits nothing.
func Select(only, skip []string) ([]Check, error) {
	for _, word := range append(slices.Clone(only), skip...) {
		if !slices.ContainsFunc(All(), func(c Check) bool { return named(c, word) }) {
			return nil, &WordError{word, nearest.Word(strings.ToLower(word), words())}
		}
	}
	return slices.DeleteFunc(All(), func(c Check) bool {
		by := func(word string) bool { return named(c, word) }
		return len(only) > 0 && !slices.ContainsFunc(only, by) || slices.ContainsFunc(skip, by)
	}), nil
}

func named(c Check, word string) bool {
	return event.Glob(word, c.Name) || event.Glob(word, string(c.Group))
}

// words are the names of all groups and checks.
func words() []string {
	var all []string
	for _, group := range Groups() {
		all = append(all, string(group))
	}
	for _, c := range All() {
		all = append(all, c.Name)
	}
	return all
}
