package mcp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/hf-tap/hf-tap/internal/doctor"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/mcp"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestAPanicInACallEndsThatCallAlone(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	journal := mcp.NewJournal(log)
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- mcp.Serve(context.WithoutCancel(t.Context()), mcp.Config{
			In: in, Out: out, Log: log, Notes: lines.NewNotes(journal, &lines.Mask{}), Journal: journal, Dir: session.Dir(t.TempDir()),
			Doctor: func(context.Context, []receiver.Route) ([]doctor.Finding, error) { panic("boom \x1b[2J") },
		})
	}()
	c, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	must(t, err)
	_, err = c.CallTool(t.Context(), &sdk.CallToolParams{Name: "doctor"})
	if err == nil || !strings.Contains(err.Error(), "has a bug") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the call says %v", err)
	}
	if _, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: "list_events"}); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
	must(t, c.Close())
	must(t, <-served)
	if !strings.Contains(logged.String(), "boom") || !strings.Contains(logged.String(), "guard_test.go") {
		t.Errorf("the log lacks the panic: %s", logged.String())
	}
}
