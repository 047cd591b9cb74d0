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
		p.Add(40)
		<-time.After(999 * time.Millisecond)
		synctest.Wait()
		if out.Len() > 0 {
			t.Errorf("within a second it shows %q", out.String())
		}
		p.Add(10)
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if want := "\r\x1b[Kexport: 50 of 200 (25%)"; out.String() != want {
			t.Errorf("it shows %q, want %q", out.String(), want)
		}
		out.Reset()
		if err := p.Above(func() error { out.WriteString("a line\n"); return nil }); err != nil {
			t.Error(err)
		}
		if want := "\r\x1b[Ka line\n\r\x1b[Kexport: 50 of 200 (25%)"; out.String() != want {
			t.Errorf("a line above it is %q, want %q", out.String(), want)
		}
		<-time.After(time.Second)
		p.Done()
		if !strings.HasSuffix(out.String(), "(25%)\r\x1b[K") {
			t.Errorf("the end does not erase it: %q", out.String())
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
