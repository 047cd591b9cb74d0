package receiver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/receiver"
)

func TestInvalidConfigurationIsAnError(t *testing.T) {
	for because, config := range map[string]receiver.Config{
		"slash":       {Path: "hook", Recorder: newMemory()},
		"no recorder": {Path: "/hook"},
		"blanks":      {Path: "/hook", Recorder: newMemory(), Secret: " \t"},
		"respond":     {Path: "/hook", Recorder: newMemory(), Respond: 7},
		"negative":    {Path: "/hook", Recorder: newMemory(), Concurrency: -1},
		"no target":   {Path: "/hook", Recorder: newMemory(), Routes: make([]receiver.Route, 1)},
	} {
		if _, err := receiver.New(config); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("got the error %v, want one about %s", err, because)
		}
	}
}

func TestServerHasTimeOutsAndLogsNothing(t *testing.T) {
	tap := newTap(t, receiver.Config{})
	s := tap.Server()
	want(t, "handler", s.Handler, http.Handler(tap.Receiver))
	want(t, "head", s.ReadHeaderTimeout, 10*time.Second)
	want(t, "idle", s.IdleTimeout, 2*time.Minute)
	want(t, "whole exchange", s.WriteTimeout, 3*time.Minute)
	want(t, "bytes of a head", s.MaxHeaderBytes, 64<<10)
	want(t, "logs", s.ErrorLog != nil, true)
}
