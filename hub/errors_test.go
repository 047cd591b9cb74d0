package hub

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEveryFormOfErrorIsRead(t *testing.T) {
	type headers = map[string]string
	for name, c := range map[string]struct {
		header        headers
		body          string
		message, code string
	}{
		"nothing":               {nil, "", "", ""},
		"header":                {headers{"X-Error-Message": "from the header", "X-Error-Code": "RepoNotFound"}, "", "from the header", "RepoNotFound"},
		"a string":              {nil, `{"error":"m"}`, "m", ""},
		"a list":                {nil, `{"error":["m","n",5]}`, "m; n", ""},
		"OAuth":                 {nil, `{"error":"invalid_grant","error_description":"m"}`, "m", "invalid_grant"},
		"several":               {nil, `{"errors":[{"message":"m"},{"message":"n"}]}`, "m; n", ""},
		"header and body":       {headers{"X-Error-Message": "m"}, `{"error":"m","errors":[{"message":"n"}]}`, "m; n", ""},
		"text":                  {headers{"Content-Type": "text/plain"}, " Too bad\n", "Too bad", ""},
		"a page":                {headers{"Content-Type": "text/html"}, "Sorry", "", ""},
		"a page without a type": {nil, "<!DOCTYPE html><p>Sorry", "", ""},
		"a page called text":    {headers{"Content-Type": "text/plain"}, "<h1>Sorry", "", ""},
		"no text":               {headers{"Content-Type": "image/png"}, "\x89PNG\xff", "", ""},
		"other JSON":            {nil, `["m"]`, "", ""},
		"another shape":         {nil, `{"error":{"message":5},"errors":"x"}`, "", ""},
		"escapes":               {nil, `{"error":"\u001b[31mred"}`, "\x1b[31mred", ""},
		"quoting the request":   {headers{"X-Error-Message": "bad token " + testToken}, `{"error":"secret s3cret-of-the-webhook"}`, "bad token ***; secret ***", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientFor(t, answer(418, c.header, c.body))
			_, err := client.CreateWebhook(t.Context(), exampleSpec())
			var e *Error
			if !errors.As(err, &e) || e.Message != c.message || e.Code != c.code || e.Status != 418 || OutcomeUnknown(err) {
				t.Errorf("%#v", e)
			}
		})
	}
}

func TestAnErrorIsOneLineOfUsefulLength(t *testing.T) {
	client := clientFor(t, answer(400, map[string]string{"X-Request-Id": "Root=1-abc", "X-Error-Code": "BadWatch"}, "two\r\nlines "+strings.Repeat("é", 1000)))
	_, err := client.CreateWebhook(t.Context(), exampleSpec())
	s := err.Error()
	if !strings.HasPrefix(s, "the Hub refused to create a webhook (400): two lines éé") || !strings.HasSuffix(s, "é…, code BadWatch, request id Root=1-abc") ||
		len(s) > 650 || !utf8.ValidString(s) {
		t.Errorf("%q", s)
	}
}

func TestATextIsShortenedBetweenCharacters(t *testing.T) {
	for n := 3; n < 20; n++ {
		got := shorten(strings.Repeat("é€", 10), n)
		if len(got) > n || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("to %d bytes: %q", n, got)
		}
	}
	if got := shorten("abc", 3); got != "abc" {
		t.Errorf("%q was not too long", got)
	}
}

func TestEachStatusHasItsWords(t *testing.T) {
	sentinels := []error{ErrUnauthorized, ErrForbidden, ErrNotFound, ErrInvalid, ErrRateLimited, ErrUnreachable, ErrBadAnswer, ErrOffline, ErrInsecure}
	for status, want := range map[int]struct {
		is    error
		words string
	}{
		400: {ErrInvalid, "the Hub refused to create a webhook (400): m"},
		401: {ErrUnauthorized, "the Hub refused the token (401): m"},
		403: {ErrForbidden, "the Hub does not allow this token to create a webhook (403): m"},
		404: {ErrNotFound, "cannot create a webhook: not found on the Hub (404): m"},
		409: {nil, "the Hub refused to create a webhook (409): m"},
		422: {ErrInvalid, "the Hub refused to create a webhook (422): m"},
		429: {ErrRateLimited, "too many requests to the Hub (429): m"},
		500: {nil, "the Hub failed to create a webhook (500): m"},
	} {
		client := clientFor(t, answer(status, nil, `{"error":"m"}`))
		_, err := client.CreateWebhook(t.Context(), exampleSpec())
		if err.Error() != want.words {
			t.Errorf("%d: %q", status, err)
		}
		for _, s := range sentinels {
			if errors.Is(err, s) != (s == want.is) {
				t.Errorf("%d is %q: %v", status, s, errors.Is(err, s))
			}
		}
		// An answer of 5xx does not tell whether it was done, one of 4xx does.
		if OutcomeUnknown(err) != (status >= 500) {
			t.Errorf("%d: may be done: %v", status, OutcomeUnknown(err))
		}
	}
	if OutcomeUnknown(nil) || OutcomeUnknown(errors.New("x")) {
		t.Error("something is said about an error that is not the Hub's")
	}
	client := clientFor(t, answer(401, nil, ""))
	if _, err := client.WhoAmI(t.Context()); err.Error() != "the Hub refused the token (401)" {
		t.Errorf("%q", err)
	}
}

func TestTheRequestIDIsTheFirstThatIsThere(t *testing.T) {
	header := map[string]string{}
	for _, key := range []string{"X-Amz-Cf-Id", "X-Amzn-Trace-Id", "X-Request-Id"} {
		header[key] = "from " + key
		client := clientFor(t, answer(500, header, ""))
		_, err := client.GetWebhook(t.Context(), testID)
		var e *Error
		if !errors.As(err, &e) || e.RequestID != "from "+key || !strings.HasSuffix(err.Error(), "request id from "+key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestHowLongTheHubAsksToWaitIsReadInAllItsForms(t *testing.T) {
	now := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	const used = `"api";r=0;t=55`
	for _, c := range []struct {
		status int
		header http.Header
		want   time.Duration
	}{
		{429, http.Header{}, 0},
		{429, http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		{429, http.Header{"Retry-After": {"-7"}}, 0},
		{429, http.Header{"Retry-After": {"7.5"}}, 0},
		{429, http.Header{"Retry-After": {"99999999999999999999"}}, longest},
		{429, http.Header{"Retry-After": {"Mon, 23 Nov 2026 20:00:30 GMT"}}, 30 * time.Second},
		{429, http.Header{"Retry-After": {"Mon, 23 Nov 2026 19:00:00 GMT"}}, 0},
		{429, http.Header{"Retry-After": {"Mon, 23 Nov 2026 20:00:30 GMT"}, "Date": {"Mon, 23 Nov 2026 20:00:10 GMT"}}, 20 * time.Second},
		{429, http.Header{"Ratelimit": {used}}, 55 * time.Second},
		{429, http.Header{"Ratelimit": {used}, "Retry-After": {"3"}}, 3 * time.Second},
		{429, http.Header{"Ratelimit": {`"api" ; r = 0 ; t = 55`}}, 55 * time.Second},
		{429, http.Header{"Ratelimit": {`"pages";r=9;t=300, "api";r=0;t=55`}}, 55 * time.Second},
		{429, http.Header{"Ratelimit": {`"pages";r=9;t=300`, used}}, 55 * time.Second},
		{429, http.Header{"Ratelimit": {`"api";t=12`}}, 12 * time.Second},
		{429, http.Header{"Ratelimit": {`;;,=,"`}}, 0},
		{503, http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		{503, http.Header{"Ratelimit": {`"api";r=499;t=55`}}, 0}, // the limit was not hit
	} {
		if got := retryAfter(c.status, c.header, now); got != c.want {
			t.Errorf("%d %v: %v, want %v", c.status, c.header, got, c.want)
		}
	}
}

func TestErrorsOfArgumentsSayWhatIsWrongAndSendNothing(t *testing.T) {
	var rec recorder
	client := clientFor(t, rec.wrap(answer(200, nil, "")))
	for words, change := range map[string]func(*WebhookSpec){
		"watch something":  func(s *WebhookSpec) { s.Watched = nil },
		"no name":          func(s *WebhookSpec) { s.Watched = []Watch{{Type: "model"}} },
		"have a domain":    func(s *WebhookSpec) { s.Domains = nil },
		`"repositories"`:   func(s *WebhookSpec) { s.Domains = []Domain{"repo", "repositories"} },
		"exactly one of":   func(s *WebhookSpec) { s.URL = "" },
		"exactly one of a": func(s *WebhookSpec) { s.JobSourceID = "1" },
		"not JSON":         func(s *WebhookSpec) { s.URL, s.Job = "", []byte("{") },
		"not an http or":   func(s *WebhookSpec) { s.URL = "ftp://s3cret-of-the-webhook" },
		"printable ASCII":  func(s *WebhookSpec) { s.Secret = "s3cret-of-the-webhook\n" },
	} {
		spec := exampleSpec()
		change(&spec)
		_, createErr := client.CreateWebhook(t.Context(), spec)
		_, updateErr := client.UpdateWebhook(t.Context(), testID, spec)
		for _, err := range []error{createErr, updateErr} {
			if !errors.Is(err, ErrInvalid) || OutcomeUnknown(err) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v", words, err)
			}
		}
	}
	if all := rec.all(); len(all) > 0 {
		t.Errorf("sent %+v", all)
	}
	spec := exampleSpec()
	spec.Secret = "~ \x7f" // the whole range that the API takes
	if err := spec.Check(); err != nil {
		t.Error(err)
	}
}

func TestWebhookIDsAreReadAsPeopleGiveThem(t *testing.T) {
	for _, s := range []string{
		testID, " " + testID + "\n", strings.ToUpper(testID),
		"https://huggingface.co/settings/webhooks/" + testID, "https://huggingface.co/settings/webhooks/" + testID + "/edit?x=1#y",
	} {
		if id, err := ParseWebhookID(s); err != nil || id != testID {
			t.Errorf("%q: %q, %v", s, id, err)
		}
		var rec recorder
		_ = clientFor(t, rec.wrap(answer(404, nil, ""))).DeleteWebhook(t.Context(), s)
		if got := rec.all()[0].uri; got != webhooksPath+"/"+testID {
			t.Errorf("%q: path %s", s, got)
		}
	}
	for _, s := range []string{"", "65a1", testID + "0", "../../../../whoami-v2....", "65a14fd933eca76f4639fc8g", "https://huggingface.co/settings/tokens/" + testID} {
		if id, err := ParseWebhookID(s); err == nil || id != "" || !strings.Contains(err.Error(), fmt.Sprintf("%q", s)) {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func TestASpecOfAWebhookHasAllThatCanBeSentAgain(t *testing.T) {
	w := Webhook{
		ID: testID, URL: "https://a.example", Job: []byte(`{"flavor":"cpu-basic"}`), JobSourceID: "1", HasSecret: true,
		Watched: []Watch{{Type: WatchTypeOrg, Name: "us"}}, Domains: []Domain{DomainRepo},
	}
	s := w.Spec()
	if err := s.Check(); err != nil || s.URL != w.URL || !slices.Equal(s.Watched, w.Watched) || !slices.Equal(s.Domains, w.Domains) {
		t.Errorf("%+v, %v", s, err)
	}
	if s.Job != nil || s.JobSourceID != "" {
		t.Errorf("a Job that was read would be sent back: %+v", s)
	}
	s.Watched[0].Name = "them"
	if w.Watched[0].Name != "us" {
		t.Error("a change of the spec changed the webhook")
	}
}
