package session

import (
	"testing"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/frp/frptest"
)

func TestThousandDeliveriesSurviveTheEndOfGradiosServer(t *testing.T) {
	server, err := frptest.Start(frptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	outage{
		tunnel: tunnel.Config{Provider: tunnel.Gradio, GradioLookup: server.Lookup()},
		strike: server.Stop,
		mend: func() {
			if err := server.Resume(); err != nil {
				t.Fatal(err)
			}
		},
	}.survive(t)
}
