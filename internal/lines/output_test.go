package lines

import (
	"errors"
	"testing"
)

func TestOnlyAClosedOutputIsNoError(t *testing.T) {
	for err, want := range map[error]bool{
		ErrClosedOutput: true,
		errors.Join(ErrClosedOutput, errors.Join(ErrClosedOutput)):    true,
		errors.Join(ErrClosedOutput, errors.New("a webhook is left")): false,
	} {
		if got := OnlyClosedOutput(err); got != want {
			t.Errorf("%q: %v", err, got)
		}
	}
}
