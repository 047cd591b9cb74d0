package promises

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// eventLine is a line of JSON as docs/events.md describes it.
type eventLine struct {
	Type       string
	V          int
	N          int64
	Session    string
	Source     string
	ReplayOf   int64 `json:"replay_of"`
	Delivery   string
	ReceivedAt string `json:"received_at"`
	Verdict    string
	Headers    [][2]string
	Body       json.RawMessage
	BodyBase64 *string `json:"body_base64"`
	Size       int
	Phase      string
	Answer     struct{ Status int }
	Attempts   []struct {
		N, Status     int
		Target, Error string
	}
	Subject, State string
}

// parseLines reads JSON lines and returns the events among them.
func parseLines(lines []string) (events []eventLine, err error) {
	for _, line := range lines {
		var e eventLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("%.200q is not a line of JSON: %w", line, err)
		}
		if e.V != 1 {
			return nil, fmt.Errorf("%.200q has the schema's version %d, want 1", line, e.V)
		}
		if e.Type == "event" {
			events = append(events, e)
		}
	}
	return events, nil
}

// events returns the events that the process has printed so far.
func (p *process) events(t testing.TB) []eventLine {
	t.Helper()
	events, err := parseLines(p.stdout.all())
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// history returns the newest n events of the history, all for 0, the newest
// last.
func (w *world) history(n int) []eventLine {
	w.t.Helper()
	return w.run(0, "events", "ls", "--json", "-n", strconv.Itoa(n)).events(w.t)
}

// bodyIs reports whether the event has this body, as far as JSON can show: the
// blanks in a body that is JSON are not in the line.
func (e *eventLine) bodyIs(want []byte) bool {
	if e.Size != len(want) {
		return false
	}
	if e.BodyBase64 != nil {
		got, err := base64.StdEncoding.DecodeString(*e.BodyBase64)
		return err == nil && bytes.Equal(got, want)
	}
	a, errA := decode(e.Body)
	b, errB := decode(want)
	return errA == nil && errB == nil && reflect.DeepEqual(a, b)
}

func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// byDelivery returns the events that are not replays, by their Webhook-Id.
func byDelivery(events []eventLine) map[string][]eventLine {
	by := map[string][]eventLine{}
	for _, e := range events {
		if e.ReplayOf == 0 {
			by[e.Delivery] = append(by[e.Delivery], e)
		}
	}
	return by
}

// payloadPrefix is what the Webhook-Ids begin with whose bodies payload makes.
const payloadPrefix = "promise-"

// payload makes the body of a delivery from its Webhook-Id alone, so that every
// receiver can check it: JSON, JSON with blanks, any bytes, or nothing; most
// often small, and sometimes large.
func payload(id string) []byte {
	h := fnv.New64a()
	h.Write([]byte(id))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	size := r.IntN(2 << 10)
	switch r.IntN(20) {
	case 0:
		size = r.IntN(200 << 10)
	case 1, 2:
		size = r.IntN(16 << 10)
	}
	noise := make([]byte, size)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(noise[:size/2])
	switch r.IntN(8) {
	case 0:
		return nil
	case 1, 2:
		return noise
	case 3:
		return []byte("{ \"id\": " + strconv.Quote(id) + ",\r\n\t\"text\": \"a  b\\u0000\\ud83d\\ude00 " + text + "\",\n \"n\": 1.50 }\n")
	}
	return []byte(`{"event":{"action":"create","scope":"discussion.comment"},"repo":{"type":"model","name":"me/m"},"comment":{"content":"` + text + `","n":12345678901234567890}}`)
}

// checkPayload says what is wrong with a body that a target got, "" if nothing
// is or the delivery is not one of the test's.
func checkPayload(r request) string {
	if !strings.HasPrefix(r.id, payloadPrefix) {
		return ""
	}
	if want := payload(r.id); !bytes.Equal(r.body, want) {
		return fmt.Sprintf("delivery %s: a target got a body of %d bytes that is not the one of %d bytes that was sent", r.id, len(r.body), len(want))
	}
	return ""
}
