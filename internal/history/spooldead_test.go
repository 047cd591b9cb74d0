package history

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// abandoned makes the spool of a process that was killed, and gives the events
// in it. Its history holds the first.
func abandoned(t *testing.T, path string) []*event.Event {
	t.Helper()
	lock, files, err := makeSpool(path)
	must(t, err)
	var events []*event.Event
	for i, e := range []*event.Event{delivery("dead", 0, 10), delivery("dead", 1, 0), oddEvent(), delivery("dead", 2, 1<<16)} {
		row := encodeEvent(e)
		row.attempts, e.Attempts = nil, nil
		record := row.pack(nil)
		e.N = int64(100 + i)
		must(t, files[i%2].write(record, e.N))
		events = append(events, e)
	}
	must(t, closeSpool(lock, files, false))
	return events
}

func TestWhatAKilledProcessSpooledIsStoredByTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	events := abandoned(t, path)
	// It was killed after it had stored the first, and before it emptied the file.
	row := encodeEvent(events[0])
	row.n, row.given = events[0].N, true
	must(t, s.store(t.Context(), &write{apply: func(tx *transaction) error {
		if _, err := tx.reserve(1000); err != nil {
			return err
		}
		return row.insert(tx)
	}}))
	must(t, s.Close())
	for range 2 { // the second time nothing is left to do
		s = openAt(t, path, Config{})
		for _, e := range events {
			got := get(t, s, e.N)
			want := *e
			want.Rev, want.DeliveryN, want.ReceivedAt = got.Rev, 1, e.ReceivedAt.UTC().Round(0)
			if want.Body == nil {
				want.Body = []byte{}
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("event %d (-spooled +read):\n%s", e.N, diff)
			}
		}
		if c := count(t, s, "events"); c != len(events) {
			t.Errorf("%d events, want %d", c, len(events))
		}
		if left := beside(t, path); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
		must(t, s.Close())
	}
	s = openAt(t, path, Config{})
	if e := keep(t, s, &event.Event{}); e.N != 104 {
		t.Errorf("the next number is %d: those of the dead were not given back", e.N)
	}
	sound(t, s)
}

func TestTheNumbersOfALiveProcessOutliveADeadOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	n := int64(len(burst(t, s)))
	abandoned(t, path)
	other := openAt(t, path, Config{})
	if e := keep(t, other, &event.Event{}); e.N <= spoolNumbers {
		t.Errorf("another process got the number %d", e.N)
	}
	if e := keep(t, s, delivery("s", 1000, 10)); e.N != n+1 {
		t.Errorf("the next number is %d, want %d", e.N, n+1)
	}
}

func TestARecordThatIsCutShortEndsASpool(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"cut head":  func(b []byte) []byte { return append(b, 1, 2, 3) },
		"a bit off": func(b []byte) []byte { b[len(b)-3] ^= 1; return b },
		"huge":      func(b []byte) []byte { return append(b, bytes.Repeat([]byte{0xff}, 100)...) },
		"zeros":     func(b []byte) []byte { return append(b, make([]byte, 7)...) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.db")
			events := abandoned(t, path)
			files, err := filepath.Glob(path + "*.2")
			must(t, err)
			data, err := os.ReadFile(files[0])
			must(t, err)
			must(t, os.WriteFile(files[0], spoil(data), 0o600))
			s := openAt(t, path, Config{})
			whole := events[:3]
			if !strings.HasPrefix(name, "c") && name != "a bit off" || name == "cut head" {
				whole = events
			}
			for _, e := range whole {
				get(t, s, e.N)
			}
			if c := count(t, s, "events"); c != len(whole) {
				t.Errorf("%d events, want %d", c, len(whole))
			}
		})
	}
}

func FuzzRecordsComeBack(f *testing.F) {
	f.Add([]byte{}, "s", "hub", odd, int64(1), true)
	f.Add([]byte("\x00\xff"), "", "", "", int64(-1), false)
	f.Fuzz(func(t *testing.T, data []byte, session, source, text string, n int64, flag bool) {
		e := &event.Event{
			Session: session, Source: event.Source(source), Kind: event.Kind(text), Delivery: text, Path: text, Body: data, Size: n,
			Answer: event.Answer{Status: int(int32(n)), Duration: time.Duration(n)}, Pinned: flag, ReplayOf: n,
		}
		if flag {
			e.Targets, e.Header, e.ReceivedAt = []string{text, ""}, http.Header{text: {session}}, time.Unix(0, n)
		}
		row := encodeEvent(e)
		record := row.pack(nil)
		row.n, row.given = n, true
		finish(record, uint64(n), n)
		got, ok := unpack(record[recordHead:], uint64(n))
		if !ok {
			t.Fatal("the record cannot be read")
		}
		if _, ok := unpack(record[recordHead:], uint64(n)+1); ok {
			t.Error("it is read as of another generation")
		}
		if len(got.e.Body) == 0 {
			got.e.Body = row.e.Body
		}
		if diff := cmp.Diff(row, got, cmp.AllowUnexported(eventRow{})); diff != "" {
			t.Errorf("(-packed +unpacked):\n%s", diff)
		}
		unpack(data, uint64(n)) // whatever it is, it does not panic
	})
}
