package tunnel_test

import (
	"testing"

	"go.uber.org/goleak"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
)

func TestMain(m *testing.M) {
	cloudflaredtest.Main()
	goleak.VerifyTestMain(m, ngroktest.IgnoreLingering()...)
}
