package history

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// result is what became of one Append.
type result struct {
	N          int64
	Delivery   string
	Begun      time.Time
	Err        string
	Refused    bool // the file was replaced or damaged
	OfAnotherP bool
}

// ledger is what became of all Appends of a test.
type ledger struct {
	mu      sync.Mutex
	changed sync.Cond
	results []result
}

func (l *ledger) add(r result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, r)
	l.changed.Broadcast()
}

// wait waits until so many of the results so far are as wanted.
func (l *ledger) wait(t *testing.T, what string, count int, wanted func(result) bool) {
	t.Helper()
	overdue := time.AfterFunc(time.Minute, func() { l.add(result{Err: "overdue"}) })
	defer overdue.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		found, last := 0, ""
		for _, r := range l.results {
			if wanted(r) {
				found++
			}
			if r.Err == "overdue" {
				t.Fatalf("after a minute there are %d of %d %s; the last error is %s", found, count, what, last)
			}
			if r.Err != "" {
				last = r.Err
			}
		}
		if found >= count {
			return
		}
		l.changed.Wait()
	}
}

// appendAll appends from several goroutines until stop is closed.
func appendAll(ctx context.Context, s *Store, session string, stop <-chan struct{}, note func(result)) {
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), uint64(time.Now().UnixNano())))
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				e := delivery(session, i, r.IntN(9000))
				e.Delivery = fmt.Sprintf("%s-%d-%d", session, g, i)
				begun := time.Now()
				err := s.Append(ctx, e)
				done := result{N: e.N, Delivery: e.Delivery, Begun: begun}
				if err != nil {
					done.Err, done.Refused = err.Error(), errors.Is(err, ErrReplaced) || errors.Is(err, ErrDamaged)
				}
				note(done)
				if err != nil {
					continue
				}
				for _, u := range handedOver(e.N) {
					s.Update(u)
				}
			}
		})
	}
	wg.Wait()
}

// appendForAnother is what the test binary does in another process: it appends
// until its standard input ends, and prints what becomes of it.
func appendForAnother(path string) {
	s, err := Open(context.Background(), path)
	if err == nil {
		err = s.StartSession(context.Background(), Session{ID: "b"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	appendAll(context.Background(), s, "b", stop, func(r result) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(r)
	})
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// another starts a process that appends, and returns a function that ends it.
func another(t *testing.T, path string, l *ledger) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "HISTORY_TEST_KEEP_APPENDING_TO="+path)
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var r result
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				r.OfAnotherP = true
				l.add(r)
			}
		}
	}()
	return sync.OnceFunc(func() {
		_ = in.Close()
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v: %s", err, stderr)
		}
	})
}

// damage is one way to spoil a history that is open.
type damage struct {
	name    string
	do      func(t *testing.T, path string)
	refused bool // nothing is stored until the path is free again
	either  bool // that, or all goes on
	keeps   bool // what was stored before is not lost
	state   string
	moved   string // where, beside the folder, what was stored before is to be found
}

// truncate cuts a file to a part of its size.
func truncate(suffix string, part float64) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		info, err := os.Stat(path + suffix)
		must(t, err)
		must(t, os.Truncate(path+suffix, int64(float64(info.Size())*part)))
	}
}

func remove(suffixes ...string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		for _, suffix := range suffixes {
			must(t, os.Remove(path+suffix))
		}
	}
}

func replace(content func(t *testing.T, path, with string)) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		with := filepath.Join(t.TempDir(), "other.db")
		content(t, path, with)
		must(t, os.Rename(with, path))
	}
}

// folder is the folder of a history and where the test moves it.
func folder(path string) (here, there string) {
	here = filepath.Dir(path)
	return here, here + "-moved"
}

var damages = []damage{
	{name: "removed", do: remove(""), state: "made anew"},
	{name: "renamed", do: func(t *testing.T, path string) {
		here, there := folder(path)
		must(t, os.Mkdir(there, 0o700))
		must(t, os.Rename(path, filepath.Join(there, filepath.Base(path))))
		_ = here
	}, state: "made anew", moved: "history.db"},
	{name: "removed with its log", do: remove("", "-wal", "-shm"), state: "made anew"},
	{name: "replaced by garbage", do: replace(func(t *testing.T, _, with string) {
		writeFile(t, with, bytes.Repeat([]byte("no database "), 100_000))
	}), refused: true, state: "failing"},
	{name: "replaced by an empty file", do: replace(func(t *testing.T, _, with string) { writeFile(t, with, nil) }), refused: true, state: "failing"},
	{name: "replaced by another history", do: replace(func(t *testing.T, _, with string) { fill(t, with) }), refused: true, state: "failing"},
	{name: "replaced by a copy of itself", do: replace(func(t *testing.T, path, with string) {
		content, err := os.ReadFile(path)
		must(t, err)
		writeFile(t, with, content)
	}), refused: true, state: "failing"},
	{name: "cut to nothing", do: truncate("", 0), refused: true, state: "failing"},
	{name: "cut in the middle", do: truncate("", 0.5), refused: true, state: "failing"},
	{name: "the log removed", do: remove("-wal"), keeps: true, state: "restored"},
	{name: "the index removed", do: remove("-shm"), keeps: true, state: "restored"},
	{name: "log and index removed", do: remove("-wal", "-shm"), keeps: true, state: "restored"},
	{name: "the log cut to nothing", do: truncate("-wal", 0), either: true},
	{name: "the log cut in the middle", do: truncate("-wal", 0.5), either: true},
	{name: "the folder removed", do: func(t *testing.T, path string) {
		here, there := folder(path)
		must(t, os.Rename(here, there)) // in one step, so that no process makes a file while it is removed
		must(t, os.RemoveAll(there))
	}, state: "made anew"},
	{name: "the folder moved", do: func(t *testing.T, path string) {
		here, there := folder(path)
		must(t, os.Rename(here, there))
	}, state: "made anew", moved: "history.db"},
	{name: "the folder moved, and an empty one in its place", do: func(t *testing.T, path string) {
		here, there := folder(path)
		must(t, os.Rename(here, there))
		if err := os.Mkdir(here, 0o700); !os.IsExist(err) {
			must(t, err)
		}
	}, state: "made anew", moved: "history.db"},
	{name: "VACUUM in another program", do: func(t *testing.T, path string) { alter(t, path, "PRAGMA busy_timeout = 10000; VACUUM") }, keeps: true},
	{name: "the log emptied by another program", do: func(t *testing.T, path string) {
		alter(t, path, "PRAGMA busy_timeout = 10000; PRAGMA wal_checkpoint(TRUNCATE)")
	}, keeps: true},
}

// TestNothingIsAcknowledgedThatDamageHasTaken damages a history at random
// moments while one process appends, or two. HISTORY_DAMAGE_ROUNDS is how often.
func TestNothingIsAcknowledgedThatDamageHasTaken(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let files be moved that are open")
	}
	rounds := 1
	if set := os.Getenv("HISTORY_DAMAGE_ROUNDS"); set != "" {
		rounds, _ = strconv.Atoi(set)
	}
	for round := range rounds {
		for _, d := range damages {
			for _, processes := range []int{1, 2} {
				if testing.Short() && processes == 2 && round == 0 && rounds == 1 && d.either {
					continue
				}
				t.Run(fmt.Sprintf("%s/processes=%d/%d", d.name, processes, round), func(t *testing.T) { d.round(t, processes) })
			}
		}
	}
}

func (d damage) round(t *testing.T, processes int) {
	path := filepath.Join(t.TempDir(), "state", "history.db")
	s := openAt(t, path)
	must(t, s.StartSession(t.Context(), Session{ID: "a"}))
	f := s.Follow("a")
	defer f.Close()
	l := &ledger{}
	l.changed.L = &l.mu
	stop := make(chan struct{})
	stopAll := sync.OnceFunc(func() { close(stop) })
	var wg sync.WaitGroup
	wg.Go(func() { appendAll(t.Context(), s, "a", stop, l.add) })
	end := func() {}
	if processes == 2 {
		end = another(t, path, l)
	}
	defer func() { stopAll(); wg.Wait(); end() }()

	first := 20 + rand.IntN(400)
	l.wait(t, "appends before the damage", first, func(r result) bool { return r.Err == "" && (processes == 1 || len(r.Delivery) > 0) })
	if processes == 2 {
		l.wait(t, "appends of the other process", 5, func(r result) bool { return r.Err == "" && r.OfAnotherP })
	}
	d.do(t, path)
	damaged := time.Now()
	after := func(of bool, failed bool) func(result) bool {
		return func(r result) bool {
			return r.Begun.After(damaged) && r.OfAnotherP == of && r.Refused == failed && (r.Err != "") == failed
		}
	}
	isAfter := func(r result) bool { return r.Begun.After(damaged) }
	l.wait(t, "appends after the damage", 5*processes, isAfter)
	refused := false
	if d.refused || d.either {
		refused = d.refused
		for _, r := range l.all() {
			refused = refused || d.either && r.Refused
			if d.refused && isAfter(r) && r.Err == "" {
				t.Errorf("%s was acknowledged after the damage", r.Delivery)
			}
		}
	}
	if refused {
		for _, of := range []bool{false, true}[:processes] {
			l.wait(t, "appends that are refused", 2, after(of, true))
		}
		must(t, os.Rename(path, filepath.Join(t.TempDir(), "aside")))
		damaged = time.Now()
	}
	for _, of := range []bool{false, true}[:processes] {
		l.wait(t, fmt.Sprintf("appends that go on (another: %t)", of), 20, after(of, false))
	}
	stopAll()
	wg.Wait()
	end()
	flush(t, s)
	var states []string
	for _, c := range read(t, f) {
		if c.State != nil && c.State.Detail != "" {
			states = append(states, c.State.State)
		}
	}
	// Of two processes one restores the file, and the other goes on in it.
	if d.state != "" && (d.state != "restored" || processes == 1) && !slices.Contains(states, d.state) || refused && !slices.Contains(states, "made anew") {
		t.Errorf("followers read the states %q, want %q", states, d.state)
	}
	if d.keeps && !d.either && slices.Contains(states, "made anew") {
		t.Errorf("followers read the states %q though nothing was lost", states)
	}
	if err := s.Err(); err != nil {
		t.Errorf("the history still fails: %v", err)
	}
	must(t, s.Close())
	d.verify(t, path, l, damaged, refused)
}

func (l *ledger) all() []result {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.results)
}

// verify checks that what was acknowledged is there, and no number was used twice.
func (d damage) verify(t *testing.T, path string, l *ledger, damaged time.Time, refused bool) {
	t.Helper()
	s := openAt(t, path)
	sound(t, s)
	var moved *Store
	if d.moved != "" {
		_, there := folder(path)
		moved = openAt(t, filepath.Join(there, d.moved))
		sound(t, moved)
	}
	numbers := map[int64]string{}
	missing := 0
	for _, r := range l.all() {
		if r.Err != "" {
			continue
		}
		if other := numbers[r.N]; other != "" {
			t.Errorf("number %d is that of %s and of %s", r.N, other, r.Delivery)
		}
		numbers[r.N] = r.Delivery
		has := func(s *Store) bool {
			e, err := s.Get(t.Context(), r.N)
			return err == nil && e.Delivery == r.Delivery
		}
		switch {
		case r.Begun.After(damaged) || d.keeps && !refused:
			if !has(s) {
				missing++
				t.Errorf("%s (#%d) was acknowledged and is not in the file", r.Delivery, r.N)
			}
		case moved != nil && !has(moved) && !has(s):
			t.Errorf("%s (#%d) is neither in the file that was moved nor in the new one", r.Delivery, r.N)
		}
		if missing > 5 {
			t.FailNow()
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || slices.ContainsFunc(left, func(name string) bool { return strings.HasSuffix(name, "-new") }) {
		t.Errorf("%q are left, %v", left, err)
	}
}
