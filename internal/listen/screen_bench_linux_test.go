package listen

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tui"
	"golang.org/x/sys/unix"
)

// BenchmarkInterface measures 20,000 deliveries with the interface on a terminal
// and 20,000 without it: CPU time of the process for each, senders included, and
// the median time to an answer. Each pair has sessions of its own, which take
// turns of a tenth each that end when all is stored: a ratio is of two neighbours.
//
//	go test -run - -bench Interface ./internal/listen
func BenchmarkInterface(b *testing.B) {
	const pairs, turns, deliveries, clients = 9, 10, 20_000, 4
	for b.Loop() {
		var cpu, answer, shown []float64
		for range pairs {
			with, without := benchSession(b, true), benchSession(b, false)
			var a, z measured
			for range turns {
				a = a.plus(with.load(b, clients, deliveries/turns))
				z = z.plus(without.load(b, clients, deliveries/turns))
			}
			cpu, answer, shown = append(cpu, a.cpu/z.cpu), append(answer, a.median/z.median), append(shown, a.median/turns*1e6)
			for _, s := range []*benched{with, without} {
				s.lostNothing(b)
				s.stop()
			}
		}
		b.ReportMetric(mid(cpu), "cpu-ratio")
		b.ReportMetric(slices.Max(cpu), "cpu-ratio-max")
		b.ReportMetric(mid(answer), "answer-ratio")
		b.ReportMetric(slices.Max(answer), "answer-ratio-max")
		b.ReportMetric(mid(shown), "answer-µs")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs, its time says nothing
	}
}

func mid(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// benched is a session that runs for a benchmark.
type benched struct {
	dir  session.Dir
	live *session.Live
	sent int
	stop func() // waits for its end; may be called again
}

// onlyUp is a front end that shows nothing.
type onlyUp struct {
	up   chan *session.Live
	show func(context.Context, *session.Live) error
}

func (f onlyUp) Run(ctx context.Context, live *session.Live) error {
	f.up <- live
	if f.show != nil {
		return f.show(ctx, live)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f onlyUp) Last(context.Context, *session.Live) error { return nil }

// quietScreen is an interface whose session tells people nothing.
func quietScreen() *screen {
	return &screen{notes: lines.NewNotes(io.Discard, nil), getenv: func(string) string { return "" }}
}

func benchSession(b testing.TB, shown bool, change ...func(*tui.Config)) *benched {
	b.Helper()
	return benchSessionIn(b, session.Dir(b.TempDir()), shown, change...)
}

func benchSessionIn(b testing.TB, dir session.Dir, shown bool, change ...func(*tui.Config)) *benched {
	b.Helper()
	front := onlyUp{up: make(chan *session.Live, 1)}
	if shown {
		terminal := openTerminal(b, 120, 40)
		front.show = func(ctx context.Context, live *session.Live) error {
			s := quietScreen()
			wake := make(chan struct{}, 1)
			var merging sync.WaitGroup
			feed := live.Follow()
			defer feed.Close()
			merging.Go(func() { s.merge(ctx, feed.Wake(), nil, wake) })
			defer merging.Wait()
			cfg := s.config(live, feed, wake)
			cfg.Input, cfg.Output, cfg.Environ = terminal, terminal, []string{"TERM=xterm-256color"}
			for _, f := range change {
				f(&cfg)
			}
			return tui.Run(ctx, cfg)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		_, err := session.Run(ctx, session.Config{
			Dir: dir, Endpoint: "http://127.0.0.1:1", NoWebhook: true, Secret: "s3cret",
			Tunnel: session.TunnelConfig{HubURL: "http://127.0.0.1:1"},
		}, front)
		done <- err
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(stop)
	select {
	case live := <-front.up:
		return &benched{dir: dir, live: live, stop: stop}
	case err := <-done:
		b.Fatal(err)
		return nil
	}
}

// openTerminal returns the program's side of a terminal of a size. What is drawn
// on it is read and thrown away.
func openTerminal(b testing.TB, width, height uint16) *os.File {
	b.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		b.Skip("no pseudo-terminal: ", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = errors.Join(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width}))
	}
	if err != nil {
		b.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		b.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, master) // ends with an error when the other side closes
	}()
	b.Cleanup(func() {
		slave.Close()
		<-drained
		master.Close()
	})
	return slave
}

// measured is what a load came to: seconds, all for one delivery.
type measured struct{ cpu, median float64 }

func (m measured) plus(o measured) measured { return measured{m.cpu + o.cpu, m.median + o.median} }

func (s *benched) load(b testing.TB, clients, deliveries int) measured {
	b.Helper()
	address, path, _ := strings.Cut(strings.TrimPrefix(s.live.URL(), "http://"), "/")
	body := `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"me/m"},"padding":"` + strings.Repeat("x", 900) + `"}`
	request := fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: tap.example\r\nContent-Type: application/json\r\nX-Webhook-Secret: s3cret\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	took := make([][]float64, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	before := processTime()
	for i := range clients {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for range deliveries / clients {
				began := time.Now()
				_, err := io.WriteString(conn, request)
				if err != nil {
					errs[i] = err
					return
				}
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					errs[i] = fmt.Errorf("answered %v: %w", resp, err)
					return
				}
				took[i] = append(took[i], time.Since(began).Seconds())
			}
		})
	}
	wg.Wait()
	if err := s.live.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	cpu := (processTime() - before).Seconds() / float64(deliveries)
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	s.sent += deliveries
	return measured{cpu, mid(slices.Concat(took...))}
}

// lostNothing checks that every delivery is in the history, settled.
func (s *benched) lostNothing(b testing.TB) {
	b.Helper()
	if err := s.live.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	kept, err := history.OpenReader(b.Context(), s.dir.History())
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	n, err := kept.Count(b.Context(), history.Query{Session: s.live.ID, Phase: event.PhaseSettled})
	if err != nil || n != s.sent {
		b.Errorf("%d deliveries were answered and %d are kept: %v", s.sent, n, err)
	}
}

// processTime is the CPU time that this process has used.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What Update or View holds while it runs, no answer may need: here it runs
// until the test is over.
func TestDeliveriesAreAnsweredWhileTheInterfaceHangs(t *testing.T) {
	hangs, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := benchSession(t, true, func(cfg *tui.Config) {
		status := cfg.Status
		cfg.Status = func() tui.Status {
			once.Do(func() { close(hangs) })
			<-release
			return status()
		}
	})
	defer close(release)
	<-hangs
	s.load(t, 4, 400)
	s.lostNothing(t)
}

// BenchmarkKeyWithAMillionEvents measures keys and the frames after them, the
// selected events being read from the history, with a million events of earlier
// sessions in it, beside a history without any. Both take turns.
//
//	go test -run - -bench Million ./internal/listen
func BenchmarkKeyWithAMillionEvents(b *testing.B) {
	const pairs, rows = 15, 200
	million := session.Dir(b.TempDir())
	grow(b, million, 1_000_000)
	frames := func(dir session.Dir) func() float64 {
		s := benchSessionIn(b, dir, false)
		s.load(b, 4, rows)
		if err := s.live.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		over := make(chan struct{})
		close(over)
		cfg := quietScreen().config(s.live, s.live.Follow(), over)
		return func() float64 {
			feed := s.live.Follow() // each screen reads the session from its beginning
			defer feed.Close()
			cfg.Feed.Read = feed.Read
			began := time.Now()
			if frame := tui.Draw(b.Context(), cfg, 120, 40, "k", "k", "j", "enter", "j", "esc", "k"); !strings.Contains(frame, "repo.content.update") {
				b.Fatalf("the frame shows no event:\n%s", frame)
			}
			return time.Since(began).Seconds()
		}
	}
	many, few := frames(million), frames(session.Dir(b.TempDir()))
	many()
	few()
	for b.Loop() {
		var ratios []float64
		for range pairs {
			a, z := many(), few()
			ratios = append(ratios, a/z)
		}
		b.ReportMetric(mid(ratios), "ratio")
		b.ReportMetric(slices.Min(ratios), "ratio-min")
		b.ReportMetric(slices.Max(ratios), "ratio-max")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs, its time says nothing
	}
}

// grow adds settled events of an earlier session in one statement.
func grow(b *testing.B, dir session.Dir, size int) {
	b.Helper()
	if err := dir.Make(); err != nil {
		b.Fatal(err)
	}
	store, err := history.Open(b.Context(), dir.History())
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", dir.History())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(b.Context(), `WITH RECURSIVE series(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM series WHERE value < ?)
		INSERT INTO events (n, rev, family, session, source, replay_of, webhook_id, delivery, delivery_n, kind, repo, received_at,
			verdict, phase, answer_status, answer_ns, failed, pending, dismissed, pinned, edited, size, body_cut, method, path, summary)
		SELECT value, value, value, 'old', 'hub', 0, 'w', hex(randomblob(12)), 1, 'repo.content.update', 'model:me/m', value,
			'ok', 'settled', 200, 1, 0, 0, 0, 0, 0, 1024, 0, 'POST', '/hf-tap/x', '' FROM series`, size)
	if err != nil {
		b.Fatal(err)
	}
}
