package event

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/headers"
)

// The objects of an HTTP archive, http://www.softwareishard.com/blog/har-12-spec/.
// Names that begin with "_" are ours, as the specification has it.
type (
	harEntry struct {
		Started  time.Time   `json:"startedDateTime"`
		Time     float64     `json:"time"` // ms
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Comment  string      `json:"comment"`
		Event    int64       `json:"_event"`
		Kind     Kind        `json:"_kind"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		Query       []harPair `json:"queryString"`
		PostData    harBody   `json:"postData"`
		HeadersSize int       `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harResponse struct {
		Status      int       `json:"status"`
		StatusText  string    `json:"statusText"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		Content     harBody   `json:"content"`
		RedirectURL string    `json:"redirectURL"`
		HeadersSize int       `json:"headersSize"`
		BodySize    int       `json:"bodySize"`
		Error       string    `json:"_error,omitempty"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harBody struct {
		Size            *int   `json:"size,omitempty"` // of an answer
		MimeType        string `json:"mimeType"`
		Text            string `json:"text"`
		Encoding        string `json:"encoding,omitempty"`  // of an answer that is not text
		RequestEncoding string `json:"_encoding,omitempty"` // of a request that is not text, for which the specification has nothing
	}
)

// HAREntries returns e as entries of an HTTP archive, HAR 1.2, in JSON: one for each
// attempt at an HTTP target, with what that answered; without an attempt, one for
// the delivery and the answer to its sender. Secrets are masked as in
// [Event.JSONLine].
func (e *Event) HAREntries() (entries [][]byte, err error) {
	m := e.Masked()
	for i := range m.Attempts {
		a := &m.Attempts[i]
		if IsCommand(a.Target) {
			continue
		}
		h := harEntry{
			Started: a.StartedAt.UTC(), Time: ms(a.Duration), Timings: harTimings{Wait: ms(a.Duration)},
			Request: m.harRequest(a.Target, headers.Onward(m.Header)), Response: harAnswer(a.Status, a.Header, a.Body), Comment: "handed to a target",
		}
		h.Response.Error = a.Err
		if entries, err = m.addHAR(entries, h); err != nil {
			return nil, err
		}
	}
	if len(entries) > 0 {
		return entries, nil
	}
	return m.addHAR(nil, harEntry{
		Started: m.ReceivedAt.UTC(), Time: ms(m.Answer.Duration), Timings: harTimings{Wait: ms(m.Answer.Duration)},
		Request: m.harRequest(m.address(), m.Header), Response: harAnswer(m.Answer.Status, nil, nil), Comment: "delivered, and handed to no target over HTTP",
	})
}

func (e *Event) addHAR(entries [][]byte, h harEntry) ([][]byte, error) {
	h.Event, h.Kind = e.N, e.Kind
	b, err := marshal(h)
	return append(entries, b), err
}

// address is the URL that the event was delivered to, as far as its request says it.
func (e *Event) address() string {
	u, err := url.Parse("http://" + e.Header.Get("Host") + e.Path)
	if err != nil || u.Host == "" {
		return "http://localhost/"
	}
	if e.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u.String()
}

func (e *Event) harRequest(target string, h http.Header) harRequest {
	r := harRequest{
		Method: e.Method, URL: target, HTTPVersion: "HTTP/1.1", Cookies: []harPair{}, Headers: harHeaders(h), Query: []harPair{}, HeadersSize: -1, BodySize: e.Size,
		PostData: harBody{MimeType: mimeType(h)},
	}
	if u, err := url.Parse(target); err == nil {
		query := u.Query()
		for _, name := range slices.Sorted(maps.Keys(query)) {
			for _, value := range query[name] {
				r.Query = append(r.Query, harPair{name, value})
			}
		}
	}
	r.PostData.Text, r.PostData.RequestEncoding = harText(e.Body)
	return r
}

func harAnswer(status int, h http.Header, body []byte) harResponse {
	size := len(body)
	r := harResponse{
		Status: status, StatusText: http.StatusText(status), HTTPVersion: "HTTP/1.1", Cookies: []harPair{}, Headers: harHeaders(h),
		Content: harBody{Size: &size, MimeType: mimeType(h)}, RedirectURL: h.Get("Location"), HeadersSize: -1, BodySize: size,
	}
	r.Content.Text, r.Content.Encoding = harText(body)
	return r
}

func harHeaders(h http.Header) []harPair {
	pairs := []harPair{}
	for _, pair := range lineHeaders(h) {
		pairs = append(pairs, harPair{pair[0], pair[1]})
	}
	return pairs
}

// harText is a body as the text of an archive, and how that is encoded.
func harText(body []byte) (text, encoding string) {
	if utf8.Valid(body) {
		return string(body), ""
	}
	return base64.StdEncoding.EncodeToString(body), "base64"
}

func mimeType(h http.Header) string {
	if t := strings.TrimSpace(h.Get("Content-Type")); t != "" {
		return t
	}
	return "application/octet-stream"
}

// HARLog returns the text before and after the entries of a HAR archive. version is
// that of hf-tap. Commas separate the entries.
func HARLog(version string) (before, after []byte) {
	creator, _ := json.Marshal(map[string]string{"name": "hf-tap", "version": version})
	return []byte(`{"log":{"version":"1.2","creator":` + string(creator) + `,"pages":[],"entries":[`), []byte(`]}}`)
}
