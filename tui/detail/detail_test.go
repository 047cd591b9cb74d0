package detail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// bodies is a source of events with these bodies, by their numbers.
type bodies map[int64]string

func (b bodies) get(_ context.Context, n int64) (*event.Event, error) {
	body, ok := b[n]
	if !ok {
		return nil, errors.New("no such event")
	}
	return &event.Event{N: n, Body: []byte(body)}, nil
}

func text(d *Detail) string {
	rows, _ := d.Render(60, 20, true)
	return strings.Join(rows, "\n")
}

func show(t *testing.T, d *Detail, b bodies, s Subject) {
	t.Helper()
	prepare := d.Show(s, b.get)
	if prepare == nil {
		t.Fatalf("nothing to prepare for %+v", s)
	}
	d.Set(prepare(t.Context()))
}

func TestAResultForAnEarlierEventIsDropped(t *testing.T) {
	b := bodies{1: `{"first":1}`, 2: `{"second":2}`}
	d := New(time.UTC, event.Secrets{})
	first := d.Show(Subject{N: 1, Width: 60}, b.get)
	second := d.Show(Subject{N: 2, Width: 60}, b.get)
	d.Set(second(t.Context()))
	d.Set(first(t.Context()))
	if got := text(d); !strings.Contains(got, "second") || strings.Contains(got, "first") {
		t.Errorf("the pane shows %q", got)
	}
	if d.Show(Subject{N: 2, Width: 60}, b.get) != nil {
		t.Error("what is shown is prepared again")
	}
}

func TestATaskOnAnEarlierEventIsDropped(t *testing.T) {
	long := `{"rows":[` + strings.Repeat(`{"text":"some words"},`, longTree/20) + `{"text":"needle"}]}`
	b := bodies{1: long, 2: strings.Replace(long, "rows", "others", 1)}
	d := New(time.UTC, event.Secrets{})
	show(t, d, b, Subject{N: 1, Width: 60})
	intent, first := d.Find("needle", false)
	if intent != None || first == nil || !strings.Contains(text(d), "working …") {
		t.Fatalf("a search in %d bytes is not a task: intent %d, %q", len(long), intent, text(d))
	}
	if _, again := d.Do(ToggleAll); again != nil {
		t.Error("a second task begins before the first has ended")
	}
	show(t, d, b, Subject{N: 2, Width: 60})
	_, second := d.Find("nowhere", false)
	if got := d.Finish(first()); got != None || !strings.Contains(text(d), "working …") {
		t.Errorf("the task of the earlier event ends that of this one: %d, %q", got, text(d))
	}
	if got := d.Finish(second()); got != NotFound {
		t.Errorf("a phrase that does not occur: intent %d", got)
	}
	if path, _, ok := d.Cursor(); !ok || path != ".others" {
		t.Errorf("the cursor is at %q, %v", path, ok)
	}
}

func TestLeftClosesAndThenLeaves(t *testing.T) {
	d := New(time.UTC, event.Secrets{})
	show(t, d, bodies{1: `{"a":{"b":1}}`}, Subject{N: 1, Width: 60})
	for i, want := range []Intent{None, Leave} {
		if got, _ := d.Do(Close); got != want {
			t.Errorf("step %d: intent %d, want %d", i, got, want)
		}
	}
	d.SetTab(Request)
	if got, _ := d.Do(Close); got != Leave {
		t.Errorf("on another tab: intent %d", got)
	}
	if got, _ := d.Do(Toggle); got != None {
		t.Errorf("toggle on another tab: intent %d", got)
	}
}

func TestTabsAreFoundWhereTheyAreDrawn(t *testing.T) {
	d := New(time.UTC, event.Secrets{})
	show(t, d, bodies{12: "{}"}, Subject{N: 12, Width: 60})
	for _, w := range []int{20, 60} {
		heading := d.Heading(w, true).PlainText()
		for tab, name := range tabNames {
			at := strings.Index(heading, " "+name[:1])
			if got, ok := d.TabAt(at+1, w); !ok || int(got) != tab {
				t.Errorf("%s of %q: tab %d, %v", name, heading, got, ok)
			}
		}
		if _, ok := d.TabAt(1, w); ok {
			t.Error("the number of the event is a tab")
		}
		if _, ok := d.TabAt(len(heading), w); ok {
			t.Error("a tab after the last one")
		}
	}
}

func TestPagesOfHTMLAreShownAsText(t *testing.T) {
	for page, want := range map[string]string{
		"<html><head><TITLE>Oops</TITLE><style>p{}</style></head><body><h1>Key&amp;Error</h1><p>it&#39;s <b>gone</b></p><script>x('<p>')</script>end</body></html>": "Oops\nKey&Error\nit's gone\nend",
		"<div>a<br>b<br/>c</div><!-- no -->d":   "a\nb\nc\nd",
		"<noscript><p>no script</p></noscript>": "no script",
		"<script>never closed":                  "",
		"no tags at all":                        "no tags at all",
	} {
		if got := htmlText(page); got != want {
			t.Errorf("%q is shown as %q, want %q", page, got, want)
		}
	}
}

func TestAnEventThatIsGoneSaysSo(t *testing.T) {
	d := New(time.UTC, event.Secrets{})
	show(t, d, bodies{}, Subject{N: 3, Width: 60})
	if got := text(d); !strings.Contains(got, "cannot be read: no such event") {
		t.Error(got)
	}
	if got := fmt.Sprint(d.Do(Toggle)); got != "0 <nil>" {
		t.Errorf("toggle: %s", got)
	}
}
