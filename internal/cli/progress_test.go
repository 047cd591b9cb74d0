package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsShownAfterASecondOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, true, "export", 200)
		shown := func() string { // since the last time
			synctest.Wait()
			p.mu.Lock() // which the line is drawn under
			defer p.mu.Unlock()
			defer out.Reset()
			return out.String()
		}
		p.Add(40)
		<-time.After(999 * time.Millisecond)
		if got := shown(); got != "" {
			t.Errorf("within a second it shows %q", got)
		}
		p.Add(10)
		<-time.After(2 * time.Millisecond)
		if got, want := shown(), "\r\x1b[Kexport: 50 of 200 (25%)"; got != want {
			t.Errorf("it shows %q, want %q", got, want)
		}
		if err := p.Above(func() error { out.WriteString("a line\n"); return nil }); err != nil {
			t.Error(err)
		}
		if got, want := shown(), "\r\x1b[Ka line\n\r\x1b[Kexport: 50 of 200 (25%)"; got != want {
			t.Errorf("a line above it is %q, want %q", got, want)
		}
		<-time.After(time.Second)
		p.Done()
		if got := shown(); !strings.HasSuffix(got, "(25%)\r\x1b[K") {
			t.Errorf("the end does not erase it: %q", got)
		}
	})
}

func TestProgressOfQuickWorkOrInAPipeIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		quick := newProgress(&out, true, "rm", 2)
		quick.Add(2)
		quick.Done()
		piped := newProgress(&out, false, "rm", 0)
		<-time.After(time.Minute)
		piped.Add(1)
		piped.Done()
		if out.Len() > 0 {
			t.Errorf("it shows %q", out.String())
		}
	})
}
