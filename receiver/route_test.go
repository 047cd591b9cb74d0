package receiver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/receiver"
)

func TestValidRoutes(t *testing.T) {
	for s, wanted := range map[string]string{ // match, default, target
		"7860":                                  " false http://127.0.0.1:7860",
		"7860/webhooks/train":                   " false http://127.0.0.1:7860/webhooks/train",
		"7860/":                                 " false http://127.0.0.1:7860/",
		":3000/x":                               " false http://127.0.0.1:3000/x",
		"7860?a=b":                              " false http://127.0.0.1:7860?a=b",
		"app:8000/hook":                         " false http://app:8000/hook",
		"model:8000/hook?x=1":                   " false http://model:8000/hook?x=1",
		"localhost:3000":                        " false http://localhost:3000",
		"[::1]:3000/x":                          " false http://[::1]:3000/x",
		"::1:3301":                              " false http://[::1]:3301",
		"repo.*=::1:3301/x":                     "repo.* false http://[::1]:3301/x",
		"fe80::1:2:3301?a=b":                    " false http://[fe80::1:2]:3301?a=b",
		":::3301":                               " false http://[::]:3301",
		"https://example.com/hook":              " false https://example.com/hook",
		"HTTP://Example.com":                    " false http://Example.com",
		"http://127.0.0.1:9/?repo.*=3000":       " false http://127.0.0.1:9/?repo.*=3000",
		"http://127.0.0.1:9/a=b":                " false http://127.0.0.1:9/a=b",
		"3000/a=b":                              " false http://127.0.0.1:3000/a=b",
		"3000/to?u=http://x/":                   " false http://127.0.0.1:3000/to?u=http://x/",
		"http://127.0.0.1:9/x%2Fy?q=%20#part":   " false http://127.0.0.1:9/x%2Fy?q=%20",
		"discussion.*=3000":                     "discussion.* false http://127.0.0.1:3000",
		"*=3000":                                "* false http://127.0.0.1:3000",
		"*.update=3000/u":                       "*.update false http://127.0.0.1:3000/u",
		"model:me/*=3000":                       "model:me/* false http://127.0.0.1:3000",
		"model:me/*,repo.*=http://app:80/h?v=2": "repo.*,model:me/* false http://app:80/h?v=2",
		"repo.create, repo.move=3000":           "repo.create,repo.move false http://127.0.0.1:3000",
		"default=8000":                          " true http://127.0.0.1:8000",
		"default=http://x:1/?a=b":               " true http://x:1/?a=b",
	} {
		t.Run(s, func(t *testing.T) {
			r, err := receiver.ParseRoute(s)
			if err != nil {
				t.Fatal(err)
			}
			got := r.Match.String() + map[bool]string{true: " true ", false: " false "}[r.Default] + r.Target.Name()
			want(t, "route", got, wanted)
		})
	}
}

func TestInvalidRoutes(t *testing.T) {
	for s, because := range map[string]string{
		"":                       "want a port, host:port/path or a URL",
		"default=":               "want a port",
		"repo.*=":                "want a port",
		"discusion.*=3000":       `"discusion.*" fits no kind of event`,
		"modle:me/*=3000":        `"modle" is not a type of repo`,
		"repo.*,=3000":           "a term is empty",
		"localhost":              "want a port",
		"example.com/hook":       "want a port",
		"0":                      `port "0"`,
		"65536":                  `port "65536"`,
		"99999999999999999999":   "port",
		"ftp://example.com/x":    `scheme "ftp"`,
		"http://":                "no host",
		"http:///x":              "no host",
		"http://h:0/":            `port "0"`,
		"http://h:x/":            "invalid port",
		"http://u:geheim@h:0/":   "u:***@h:0",
		"::1":                    "port",
		"::1:":                   "no port",
		"host:":                  "no port",
		"host:x/":                "invalid port",
		"me@host:80":             "want a port",
		"a b:80":                 "want a port",
		"http://127.0.0.1:8\x00": "invalid control character",
	} {
		t.Run(s, func(t *testing.T) {
			_, err := receiver.ParseRoute(s)
			if err == nil || !strings.Contains(err.Error(), because) {
				t.Fatalf("got the error %v, want one with %s", err, because)
			}
		})
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, s := range []string{"7860/x", "repo.*=3000", "default=a:1", "http://h/?a=b", "model:me/*,repo.*=[::1]:1", "=", "://", "%zz:1",
		"http://u:p@h/?token=x#y", "http://u:***@h", "http://a/?KEY=%2A%2A%2A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := receiver.ParseRoute(s)
		if err != nil {
			return
		}
		// The name of a target is a way to write it, unless it hides a secret: then it
		// is a HiddenError.
		name := r.Target.Name()
		again, err := receiver.ParseTarget(name)
		switch hidden := (*receiver.HiddenError)(nil); {
		case errors.As(err, &hidden) && strings.Contains(name, "***"):
		case err != nil || again.Name() != name:
			t.Errorf("%q is %q, which reads as %v (%v)", s, name, again, err)
		}
	})
}
