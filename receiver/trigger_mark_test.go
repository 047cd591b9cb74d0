package receiver_test

import (
	"net/http"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestALocalCallerMaySendASecretAsItIs(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	asIs := []string{"Hf-Tap-Key", localKey, "Hf-Tap-Source", "trigger", "Hf-Tap-Secret", "as-is"}
	want(t, "without a secret", post(t, tap.local, []byte("{}"), asIs...).StatusCode, 401)
	want(t, "with a wrong one", post(t, tap.local, []byte("{}"), append(asIs, "X-Webhook-Secret", "wrong")...).StatusCode, 403)
	want(t, "with the right one", post(t, tap.local, []byte("{}"), append(asIs, "X-Webhook-Secret", secret)...).StatusCode, 200)
	want(t, "put right", post(t, tap.local, []byte("{}"), asIs[:4]...).StatusCode, 200)
	verdicts := []event.Verdict{event.VerdictMissing, event.VerdictWrong, event.VerdictOK, event.VerdictOK}
	for i, e := range tap.history.waitSettled(t, 4) {
		want(t, "verdict", e.Verdict, verdicts[i])
		want(t, "source", e.Source, event.SourceTrigger)
		want(t, "the header", e.Header.Get("Hf-Tap-Secret"), "")
	}
}

func TestWhoKnowsTheKeyMarksADeliveryAtThePublicAddress(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, ""))})
	mark := receiver.TriggerMark(localKey, "one")
	n := 0
	for _, c := range []struct {
		what   string
		header []string
		status int
		source event.Source
	}{
		{"a mark", []string{"X-Webhook-Secret", secret, "Webhook-Id", "one", "Hf-Tap-Trigger", mark}, 418, event.SourceTrigger},
		{"a mark without the secret", []string{"Webhook-Id", "one", "Hf-Tap-Trigger", mark}, 401, event.SourceTrigger},
		{"the mark of another delivery", []string{"X-Webhook-Secret", secret, "Webhook-Id", "two", "Hf-Tap-Trigger", mark}, 418, event.SourceHub},
		{"the mark of another key", []string{"X-Webhook-Secret", secret, "Webhook-Id", "one", "Hf-Tap-Trigger", receiver.TriggerMark("", "one")}, 418, event.SourceHub},
	} {
		n++
		resp := post(t, tap.url, []byte("{}"), c.header...)
		want(t, c.what, resp.StatusCode, c.status)
		e := tap.history.waitSettled(t, n)[n-1]
		want(t, c.what, e.Source, c.source)
		marked := c.source == event.SourceTrigger
		want(t, c.what+": told its number", resp.Header.Get("Hf-Tap-Event") != "", marked)
		want(t, c.what+": recorded with the mark", e.Header.Get("Hf-Tap-Trigger") == "", marked)
	}
	for _, r := range app.requests()[:1] {
		want(t, "the target gets the mark", r.Header.Get("Hf-Tap-Trigger"), "")
	}
}
