package lines

import (
	"errors"
	"strings"
	"testing"
)

func TestANoteIsOneLineWithoutSecretsWhateverItsValuesAre(t *testing.T) {
	var out strings.Builder
	mask := &Mask{}
	mask.Add("s3cret-s3cret")
	notes := NewNotes(&out, mask)
	notes.Print("%s, %v and %d", "a\nforged: line\x1b[2J", errors.Join(errors.New("one"), errors.New("s3cret-s3cret")), 7)
	if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b") || strings.Contains(got, "s3cret") || !strings.Contains(got, "one; ") || !strings.HasSuffix(got, "and 7\n") {
		t.Errorf("%q", got)
	}
}

func TestHeldNotesAreWrittenInOrderWhenTheyAreReleased(t *testing.T) {
	var out strings.Builder
	notes := NewNotes(&out, nil)
	notes.Print("one")
	notes.Hold()
	notes.Print("two")
	if got := out.String(); got != "one\n" {
		t.Errorf("while they are held %q is written", got)
	}
	notes.Print("%s", strings.Repeat("x", maxKept)) // more than is kept
	notes.Release()
	notes.Print("three")
	if got := out.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("%q is written", got)
	}
}
