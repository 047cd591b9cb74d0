package gradio

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestTheLookUpNamesTheServer(t *testing.T) {
	s := start(t, frptest.Config{})
	ca := strings.ReplaceAll(string(s.CAPEM()), "\n", `\n`)
	for _, body := range []string{
		`[{"host":"share.example","port":7000,"root_ca":"` + ca + `"}]`,
		`[{"host":"share.example","port":"7000","root_ca":"` + ca + `","more":{"a":[]}}]`,
	} {
		p, err := parseLookup([]byte(body))
		if err != nil || p.address != "share.example:7000" || p.host != "share.example" || len(p.roots) != 1 || p.domain != "gradio.live" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestAnInvalidLookUpIsAnErrorThatSaysWhy(t *testing.T) {
	s := start(t, frptest.Config{})
	ca := strings.ReplaceAll(string(s.CAPEM()), "\n", `\n`)
	for body, want := range map[string]string{
		"": "empty", " \n": "empty", "<!doctype html><h1>Sign in": "a web page", "null": "no server", "[]": "no server",
		"{}": "list of servers", `{"host":"a","port":1}`: "list of servers", `[1]`: "list of servers", `[[`: "list of servers", `[{}]`: "no host",
		`[{"host":"a","port":0,"root_ca":"` + ca + `"}]`:            "no host",
		`[{"host":"a","port":70000,"root_ca":"` + ca + `"}]`:        "no host",
		`[{"host":"","port":7000,"root_ca":"` + ca + `"}]`:          "no host",
		`[{"host":"a b\u001b[2J","port":7,"root_ca":"` + ca + `"}]`: "no host",
		`[{"host":"a/../b","port":7,"root_ca":"` + ca + `"}]`:       "no host",
		`[{"host":"a","port":{"a":1},"root_ca":"` + ca + `"}]`:      "no host",
		`[{"host":"a","port":7000}]`:                                "no certificate",
		`[{"host":"a","port":7000,"root_ca":"-----BEGIN"}]`:         "no certificate",
		strings.Repeat(" ", maxLookup+1):                            "more than",
		strings.Repeat("[", maxLookup):                              "list of servers",
	} {
		if p, err := parseLookup([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %+v, %v, want %q", body, p, err, want)
		}
	}
}

func TestAFailedLookUpSaysWhereAndWhy(t *testing.T) {
	s := start(t, frptest.Config{})
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name  string
		fault frptest.Faults
		want  string
	}{
		{"HTML", frptest.Faults{LookupBody: text("<html>welcome to the airport")}, "a web page"},
		{"an empty list", frptest.Faults{LookupBody: text("[]")}, "no server at the moment"},
		{"another shape", frptest.Faults{LookupBody: text(`{"servers":[]}`)}, "list of servers"},
		{"nothing", frptest.Faults{LookupBody: text("")}, "empty"},
		{"an error", frptest.Faults{LookupStatus: 503}, "503"},
		{"an endless line", frptest.Faults{LookupBody: text(strings.Repeat("[", 2<<20))}, "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Set(func(f *frptest.Faults) { *f = c.fault })
			wantError(t, looked(s), tunnel.StepProtocol, c.want)
		})
	}
	t.Run("silence", func(t *testing.T) {
		s.Set(func(f *frptest.Faults) { *f = frptest.Faults{LookupHang: true} })
		before := s.Counts().Lookups
		wantError(t, hangs(t, looked(s), s, func(c frptest.Counts) bool { return c.Lookups > before }), tunnel.StepReach, "look up the server")
	})
	t.Run("nobody there", func(t *testing.T) {
		cfg := looked(s)
		cfg.Lookup = "http://127.0.0.1:1/"
		wantError(t, cfg, tunnel.StepReach, "look up the server")
	})
}

func TestTheLookUpGoesNowhereWithoutEncryption(t *testing.T) {
	plain := http.NewServeMux()
	plain.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	srv := httptest.NewServer(plain)
	defer srv.Close()
	cfg := steadily(Config{Lookup: "https://api.example/v3", HTTP: &http.Client{Transport: leadsTo("http://api.example/v3")}})
	wantError(t, cfg, tunnel.StepTrust, "not encrypted")
}

func TestTheLookUpsCertificateIsChecked(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	srv.Config.ErrorLog = nobody
	defer srv.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	wantError(t, steadily(Config{Lookup: srv.URL, HTTP: &http.Client{Transport: tr}}), tunnel.StepTrust, "certificate")
}

// leadsTo answers every question as if a redirect had led to an address.
type leadsTo string

func (l leadsTo) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() == string(l) {
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	}
	return &http.Response{StatusCode: 302, Header: http.Header{"Location": {string(l)}}, Body: http.NoBody, Request: r}, nil
}

func TestOnlyHostsAreHosts(t *testing.T) {
	for s, want := range map[string]bool{
		"a.example": true, "127.0.0.1": true, "::1": true, "x": true, "_a-b.c": true,
		"": false, ".": false, "a..b": false, "a b": false, "a/b": false, "a@b": false, "ä.example": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 200): false,
	} {
		if isHost(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestAnAnnouncedAddressIsAcceptedOnlyIfItIsSafe(t *testing.T) {
	made := "https://" + label("me") + ".gradio.live"
	for announced, want := range map[string]string{
		"":                                       made,
		"https://0123456789abcdef01.gradio.live": "https://0123456789abcdef01.gradio.live",
		"https://a.example/":                     "https://a.example",
		"https://a.example,http://b.example":     "https://a.example",
		"a.example":                              "https://a.example",
		"a.example:8080":                         "https://a.example",
		"127.0.0.1:8080":                         "http://127.0.0.1:8080",
		"x.localhost:8080":                       "http://x.localhost:8080",
		"http://127.0.0.1:8080":                  "http://127.0.0.1:8080",
		"http://a.example":                       "", "ftp://a.example": "", "https://": "", "https://u@a.example": "",
		"https://a.example/x": "", "https://a.example?x": "", "https://a.example#x": "", "https://a b": "", "a b": "",
		"javascript://127.0.0.1": "", "https://a.example:x": "", "https://\x1b[2J": "",
	} {
		got, err := publicURL(announced, "me", "gradio.live")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", announced, got, err)
		}
	}
	if !strings.HasPrefix(made, "https://2744ccd10c7533bd73.") { // sha256sum of "me"
		t.Error(made)
	}
}

func TestTheServersTextsHaveCodes(t *testing.T) {
	for text, want := range map[string]string{
		"new proxy [x] error: router config conflict":                                   NameTaken,
		"proxy [x] already exists":                                                      NameTaken,
		"token in login doesn't match token from configuration":                         BadToken,
		"subdomain is not supported because this feature is not enabled in remote frps": Unsupported,
		"type [http] not supported when vhost http port is not set":                     Unsupported,
		"too many tunnels": "",
	} {
		if got := refusal(text, ""); got.Code != want || got.Permanent != (want == BadToken || want == Unsupported) {
			t.Errorf("%q: %q", text, got.Code)
		}
	}
	if r := refusal("a\r\n\x1b"+strings.Repeat(" ä", 9000), ""); strings.ContainsAny(r.Message, "\r\n") || len(r.Message) > maxMessage+3 {
		t.Errorf("%q", r.Message)
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte(`[{"host":"a","port":7000,"root_ca":"-----BEGIN CERTIFICATE-----"}]`))
	f.Add([]byte(`[{"host":"a","port":"7000"}]`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(`[[[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if p, err := parseLookup(body); err == nil && (!isHost(p.host) || len(p.roots) != 1) {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzPublicURL(f *testing.F) {
	f.Add("https://a.gradio.live")
	f.Add("127.0.0.1:80,b")
	f.Add("http://a")
	f.Add("[::1]:7")
	f.Fuzz(func(t *testing.T, announced string) {
		u, err := publicURL(announced, "me", "gradio.live")
		if err == nil && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			t.Errorf("%q: %q", announced, u)
		}
		if strings.ContainsAny(u, "\r\n\x1b @") {
			t.Errorf("%q: %q", announced, u)
		}
	})
}
