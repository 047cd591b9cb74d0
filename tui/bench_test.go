package tui

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// filled is a model with some rows in its list, in a window of a size.
func filled(rows, w, h int) *model {
	cfg := newFakeSession().config()
	m := newModel(&work{ctx: context.Background()}, cfg)
	m.w, m.h = w, h
	var us []event.Change
	sample := make([]*event.Row, len(event.Kinds()))
	for i := range sample {
		sample[i] = event.NewRow(delivery(i))
	}
	for i := 1; i <= rows; i++ {
		r := *sample[i%len(sample)]
		r.N, r.Rev, r.At = int64(i), int64(i), noon.Add(time.Duration(i)*time.Millisecond)
		us = append(us, event.Change{Rev: int64(i), Row: &r})
	}
	m.list.Apply(us)
	m.View()
	return m
}

// frame is the time of a key: Update and View, as Bubble Tea calls them.
func frame(m *model, k tea.KeyPressMsg) time.Duration {
	began := time.Now()
	m.Update(k)
	m.View()
	return time.Since(began)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkKeyWithManyRows measures a key press to its frame with 1,000 and
// with 100,000 rows in the list, in turns, and reports the ratio of the medians.
func BenchmarkKeyWithManyRows(b *testing.B) {
	few, all := filled(1000, 120, 40), filled(100_000, 120, 40)
	keys := []tea.KeyPressMsg{keyPresses("up")[0], keyPresses("up")[0], keyPresses("pgup")[0], keyPresses("down")[0], keyPresses("G")[0], keyPresses("space")[0]}
	var a, c []time.Duration
	for i := 0; b.Loop(); i++ {
		k := keys[i%len(keys)]
		a = append(a, frame(few, k))
		c = append(c, frame(all, k))
	}
	x, y := median(a), median(c)
	b.ReportMetric(float64(y)/float64(x), "x-1000-rows")
	b.ReportMetric(float64(y)/1e3, "µs/key")
}

// BenchmarkFilterKeyBesideSubstring measures a key of a filter that is typed,
// over 100,000 rows, beside a scan of the same rows' texts for a substring.
func BenchmarkFilterKeyBesideSubstring(b *testing.B) {
	m := filled(100_000, 120, 40)
	var texts []string
	for r := range m.list.Rows() {
		texts = append(texts, strings.ToLower(strings.Join([]string{r.Title(), r.Repo, string(r.Verdict), string(r.Source), string(r.Phase), r.Delivery, r.Targets[0].Name}, "\n")))
	}
	m.Update(keyPresses("/")[0])
	for _, k := range keyPresses("status:>=500 kind:discussion.c") {
		m.Update(k)
	}
	last := keyPresses("o")[0]
	var scans, keys []time.Duration
	found := 0
	for b.Loop() {
		began := time.Now()
		for _, t := range texts {
			if strings.Contains(t, "discussion.co") {
				found++
			}
		}
		scans = append(scans, time.Since(began))
		keys = append(keys, frame(m, last))
		m.Update(keyPresses("backspace")[0])
	}
	if found == 0 {
		b.Error("nothing was found")
	}
	x, y := median(scans), median(keys)
	b.ReportMetric(float64(y)/float64(x), "x-substring")
	b.ReportMetric(float64(y)/1e6, "ms/key")
}

// bigBody is a payload of about so many bytes.
func bigBody(size int) []byte {
	var body bytes.Buffer
	body.WriteString(`{"event":{"action":"update","scope":"repo.content"},"updatedFiles":[`)
	for i := 0; body.Len() < size; i++ {
		fmt.Fprintf(&body, `{"path":"data/shard-%05d.parquet","action":"add","size":%d},`, i, i*1000)
	}
	body.WriteString(`null]}`)
	return body.Bytes()
}

// BenchmarkBigPayload opens a payload of 10 MB: how long the first frame takes,
// how long the tree, how long a key in it, and how much memory is held for each
// byte of the body.
func BenchmarkBigPayload(b *testing.B) {
	body := bigBody(10 << 20)
	var first, ready, key []time.Duration
	var held float64
	for b.Loop() {
		m := filled(10, 120, 40)
		// Each caller gets a body of its own, as from the history.
		m.cfg.Feed.Get = func(context.Context, int64) (*event.Event, error) {
			e := delivery(1)
			e.N, e.Body = m.list.SelectedRow().N, bytes.Clone(body)
			return e, nil
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, cmd := m.Update(keyPresses("enter")[0])
		m.View()
		first = append(first, time.Since(began))
		m.runAll(cmd)
		m.View()
		ready = append(ready, time.Since(began))
		if !m.detail.OnTree() {
			b.Fatal("no tree")
		}
		for range 20 {
			key = append(key, frame(m, keyPresses("j")[0]))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / float64(len(body))
		runtime.KeepAlive(m)
	}
	b.ReportMetric(float64(median(first))/1e3, "µs/first-frame")
	b.ReportMetric(float64(median(ready))/1e6, "ms/tree")
	b.ReportMetric(float64(median(key))/1e3, "µs/key")
	b.ReportMetric(held, "x-body-held")
}

// BenchmarkRow makes rows of events as they come from the history, each with
// texts of its own, and reports how many bytes one holds.
func BenchmarkRow(b *testing.B) {
	e := delivery(9)
	own := func(s string) string { return strings.Clone(s) }
	held := make([]*event.Row, 0, 100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for b.Loop() {
		c := *e
		c.Kind, c.Repo.Type, c.Repo.Name, c.Session, c.WebhookID = event.Kind(own(string(e.Kind))), hub.RepoType(own(string(e.Repo.Type))), own(e.Repo.Name), own(e.Session), own(e.WebhookID)
		c.Delivery, c.Path, c.Targets = own("0123456789abcdef0123456789abcdef"), own(e.Path), []string{own(e.Targets[0])}
		row := event.NewRow(&c)
		if n++; len(held) < cap(held) {
			held = append(held, row)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(len(held)), "B/row-held")
	runtime.KeepAlive(held)
}
