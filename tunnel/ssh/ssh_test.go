package ssh

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/tunnel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewChecksNamesAndSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want error
	}{
		{Serveo, Config{}, nil},
		{"ssh://me@host", Config{}, nil},
		{"ssh://me@host", Config{PublicURL: "https://a.example"}, nil},
		{"ssh://me@host", Config{PublicURL: "http://a.example"}, tunnel.ErrUsage},
		{"ssh://me:secret@host", Config{}, tunnel.ErrUsage},
		{"ssh://", Config{}, tunnel.ErrUsage},
		{"pigeon", Config{}, tunnel.ErrUnknownProvider},
	} {
		p, err := New(c.name, c.cfg)
		if !errors.Is(err, c.want) || err == nil && p.Name() != c.name {
			t.Errorf("%s, %+v: %v, want %v", c.name, c.cfg, err, c.want)
		}
	}
}
