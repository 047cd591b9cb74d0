package session

import (
	"testing"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
)

func TestThousandDeliveriesSurviveTheEndOfGradiosServer(t *testing.T) {
	server, err := frptest.Start(frptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	outage{
		tunnel: TunnelConfig{Provider: gradio.Name, Gradio: gradio.Config{Lookup: server.Lookup()}},
		strike: server.Stop,
		mend: func() {
			if err := server.Resume(); err != nil {
				t.Fatal(err)
			}
		},
	}.survive(t)
}
