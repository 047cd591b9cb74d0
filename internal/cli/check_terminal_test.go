//go:build !windows

package cli_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestCheckShowsOnATerminalHowFarItIs(t *testing.T) {
	w := newChecker(t)
	reached, goOn := make(chan struct{}), make(chan struct{})
	first := true
	port := checked(t, func(_ http.ResponseWriter, req *http.Request, _ []byte) bool {
		if first && req.Method == "POST" {
			first = false
			close(reached)
			<-goOn
		}
		return false
	})
	p := w.inTerminal(120, 30, "check", port, "--only", "head")
	<-reached
	p.shows("0/1  repo.content.update")
	close(goOn)
	screen := p.shows("pass         request  head", "1 passed · 0 warnings", "code 0.")
	for _, left := range []string{"0/1", "1/1"} {
		if strings.Contains(screen, left) {
			t.Errorf("the progress %s stays:\n%s", left, screen)
		}
	}
}
