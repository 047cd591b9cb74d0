package event

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestAnEventIsEntriesOfAnArchive(t *testing.T) {
	e := example()
	e.Header["Host"], e.Header["Content-Type"] = []string{"x.example"}, []string{"application/json"}
	e.Attempts[0].Header, e.Attempts[0].Body = http.Header{"Content-Type": {"text/plain"}}, []byte("\xff")
	e.Attempts = append(e.Attempts, Attempt{Target: "exec:true"})
	entries, err := e.HAREntries()
	if err != nil || len(entries) != 1 {
		t.Fatal(len(entries), err)
	}
	for _, want := range []string{
		`"startedDateTime":"2026-11-23T20:00:01Z","time":1000`, `"method":"POST","url":"http://u:***@127.0.0.1:1/?token=***"`, `"queryString":[{"name":"token","value":"***"}]`,
		`{"name":"X-Webhook-Secret","value":"***"}`, `"text":"{ \"n\": 12345678901234567890`, `"status":500,"statusText":"Internal Server Error"`,
		`"content":{"size":1,"mimeType":"text/plain","text":"/w==","encoding":"base64"}`, `"_error":"went away"`, `"_event":7,"_kind":"repo.content.update"`,
	} {
		if !strings.Contains(string(entries[0]), want) {
			t.Errorf("%s is not in %s", want, entries[0])
		}
	}
	if strings.Contains(string(entries[0]), "s3cret") {
		t.Error("a secret got out")
	}
	// Without an attempt over HTTP it is the delivery.
	e.Attempts, e.Body = e.Attempts[1:], []byte("\x00\xff")
	entries, err = e.HAREntries()
	if err != nil || len(entries) != 1 || !strings.Contains(string(entries[0]), `"url":"http://x.example/hf-tap/abc?secret=***&x=1"`) || !strings.Contains(string(entries[0]), `"text":"AP8=","_encoding":"base64"`) {
		t.Errorf("%s, %v", entries, err)
	}
	before, after := HARLog(`v1 "x"`)
	if whole := string(before) + string(entries[0]) + string(after); !json.Valid([]byte(whole)) {
		t.Errorf("not JSON: %s", whole)
	}
	for _, host := range []string{"", "a b", "[::1", "%zz"} {
		e.Header.Set("Host", host)
		if entries, err := e.HAREntries(); err != nil || !strings.Contains(string(entries[0]), `"url":"http://localhost/"`) {
			t.Errorf("with the host %q: %s, %v", host, entries, err)
		}
	}
}
