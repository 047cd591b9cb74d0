package ngrok

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, ngroktest.IgnoreLingering()...) }

func TestNewNeedsATokenAndADomainThatIsOne(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want error
	}{
		{Config{}, tunnel.ErrNoToken},
		{Config{Token: "t"}, nil},
		{Config{Token: "t", Domain: "a.ngrok.app"}, nil},
		{Config{Token: "t", Domain: "https://a.ngrok.app/"}, nil},
		{Config{Token: "t", Domain: "http://a.ngrok.app"}, tunnel.ErrUsage},
		{Config{Token: "t", Domain: "a.ngrok.app/path"}, tunnel.ErrUsage},
		{Config{Token: "t", Domain: "a.ngrok.app:80"}, tunnel.ErrUsage},
	} {
		if _, err := New(c.cfg); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.cfg, err, c.want)
		}
	}
}
