package event

import "testing"

func TestAnEventIsDoneWhenItIsSettledAndItsSenderAnswered(t *testing.T) {
	for _, c := range []struct {
		name string
		e    Event
		done bool
	}{
		{"recorded", Event{Source: SourceHub, Phase: PhaseOpen}, false},
		{"answered", Event{Source: SourceHub, Phase: PhaseOpen, Answer: Answer{Status: 200}}, false},
		{"waiting", Event{Source: SourceHub, Phase: PhaseWaiting, Answer: Answer{Status: 200}}, false},
		{"settled without a target, before its answer", Event{Source: SourceHub, Phase: PhaseSettled}, false},
		{"the same on the sandbox", Event{Source: SourceSandbox, Phase: PhaseSettled}, false},
		{"settled and answered", Event{Source: SourceHub, Phase: PhaseSettled, Answer: Answer{Status: 200}}, true},
		{"its connection was closed without an answer", Event{Source: SourceHub, Phase: PhaseSettled, Answer: Answer{Duration: 1}}, true},
		{"pending", Event{Source: SourceHub, Phase: PhasePending}, true},
		{"a replay, which nobody asked for", Event{Source: SourceReplay, Phase: PhaseSettled}, true},
		{"a trigger, nor for that", Event{Source: SourceTrigger, Phase: PhaseSettled}, true},
		{"a replay on its way", Event{Source: SourceReplay, Phase: PhaseOpen}, false},
	} {
		if got := c.e.Done(); got != c.done {
			t.Errorf("%s: done is %v", c.name, got)
		}
	}
}

func TestARefusedEventIsOneOfATrustedSenderWithoutAWholeBody(t *testing.T) {
	for _, c := range []struct {
		e   Event
		why string // empty: it is not refused
	}{
		{Event{Verdict: VerdictOK, Answer: Answer{Status: 413}}, ""}, // a fault, set by the user
		{Event{Verdict: VerdictWrong, BodyCut: true, Answer: Answer{Status: 403}}, ""},
		{Event{Verdict: VerdictOK, BodyCut: true, Answer: Answer{Status: 413}}, "the body is too large"},
		{Event{Verdict: VerdictUnchecked, BodyCut: true, Answer: Answer{Status: 408}}, "the body came too slowly"},
		{Event{Verdict: VerdictOK, BodyCut: true, Answer: Answer{Status: 400}}, "the body broke off"},
		{Event{Verdict: VerdictOK, BodyCut: true}, "the body did not arrive whole"},
		{Event{Verdict: VerdictOK, BodyCut: true, Answer: Answer{Status: 200}}, ""}, // it was lost later
		{Event{Verdict: VerdictOK, BodyCut: true, Answer: Answer{Status: 502}, Targets: []string{"http://127.0.0.1:1"}}, ""},
	} {
		if c.e.Refused() != (c.why != "") || c.e.Refusal() != c.why {
			t.Errorf("%+v is refused %v: %q, want %q", c.e, c.e.Refused(), c.e.Refusal(), c.why)
		}
	}
}
