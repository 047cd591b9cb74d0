package hub

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestDisabledIsABoolOrTheReason(t *testing.T) {
	for wire, want := range map[string]State{
		`false`: StateEnabled, `true`: StateDisabled, `"suspended-after-failure"`: StateSuspended, `"a-new-reason"`: "a-new-reason",
	} {
		var w Webhook
		if err := json.Unmarshal([]byte(`{"id":"1","disabled":`+wire+`}`), &w); err != nil || w.State != want || w.ID != "1" {
			t.Errorf("%s is read as %q, %v", wire, w.State, err)
		}
		if got := mustJSON(t, w.State); got != wire {
			t.Errorf("%s is written as %s", wire, got)
		}
	}
	for _, wire := range []string{`{"since":1}`, `7`} {
		var w Webhook
		if err := json.Unmarshal([]byte(`{"disabled":`+wire+`}`), &w); err != nil || w.State == StateEnabled {
			t.Errorf("%s counts as enabled, %v", wire, err)
		}
	}
	var w Webhook
	if err := json.Unmarshal([]byte(`{"disabled":null}`), &w); err != nil || w.State != StateEnabled {
		t.Errorf("null is read as %q, %v", w.State, err)
	}
}

func TestAWebhookIsReadAsFarAsItCanBe(t *testing.T) {
	const body = `{"id":"1","url":5,"watched":[{"type":"galaxy","name":"x","new":1},7],"domains":["repo",3,"galaxy"],"hasSecret":"yes",
		"disabled":true,"lastTriggerAt":"yesterday","job":{"flavor":"cpu-basic","secrets":["A"]},"unheardOf":[]}`
	w := Webhook{URL: "from before", LastTrigger: time.Now()}
	if err := json.Unmarshal([]byte(body), &w); err != nil {
		t.Fatal(err)
	}
	if w.ID != "1" || w.URL != "" || w.Watched[0] != (Watch{Type: "galaxy", Name: "x"}) || w.Domains[2] != "galaxy" ||
		w.State != StateDisabled || !w.LastTrigger.IsZero() || string(w.Job) != `{"flavor":"cpu-basic","secrets":["A"]}` {
		t.Errorf("%+v", w)
	}
	for _, wire := range []string{`"2026-11-23T20:00:00Z"`, `"2026-11-23T20:00:00.000Z"`} {
		var w Webhook
		err := json.Unmarshal([]byte(`{"lastTriggerAt":`+wire+`}`), &w)
		if err != nil || !w.LastTrigger.Equal(time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is read as %v, %v", wire, w.LastTrigger, err)
		}
	}
	if err := json.Unmarshal([]byte(`{`), &w); err == nil {
		t.Error("half an object was read")
	}
}

func TestTheSecretIsSentOrLeftOutOrCleared(t *testing.T) {
	for want, spec := range map[string]WebhookSpec{
		`"domains":["repo"]}`:                      {},
		`"domains":["repo"],"secret":"s3cret"}`:    {Secret: "s3cret"},
		`"domains":["repo"],"secret":""}`:          {ClearSecret: true},
		"the secret is both set and cleared, want": {Secret: "s3cret", ClearSecret: true},
	} {
		spec.URL, spec.Watched, spec.Domains = "https://x.example", []Watch{{Type: "user", Name: "me"}}, []Domain{"repo"}
		body, err := spec.body()
		got := string(body)
		if err != nil {
			got = err.Error() + ", want"
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("it sends %s, want %s", got, want)
		}
	}
}
