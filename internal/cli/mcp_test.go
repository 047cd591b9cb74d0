package cli

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
)

func TestWhatIsPrintedByTheWayGoesToTheLog(t *testing.T) {
	var logged bytes.Buffer
	before := os.Stdout
	restore := divertStdout(slog.New(slog.NewTextHandler(&logged, nil)))
	fmt.Println("a library says hello")
	fmt.Print("and ends without a line end")
	restore()
	for _, said := range []string{"a library says hello", "and ends without a line end"} {
		if !strings.Contains(logged.String(), said) {
			t.Errorf("the log lacks %q: %s", said, logged.String())
		}
	}
	if os.Stdout != before {
		t.Error("standard output is not what it was")
	}
}
