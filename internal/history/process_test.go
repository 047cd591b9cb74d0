package history

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

// appendForever is what the test binary does in another process: it appends
// from several goroutines, and prints the number of each event once Append has
// returned. It ends when it is killed, or nobody reads what it prints.
func appendForever(path string) {
	s, err := Open(context.Background(), path)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	var printing sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				e := delivery(fmt.Sprint(os.Getpid()), i, 300)
				err := s.Append(context.Background(), e)
				printing.Lock()
				if err != nil {
					fmt.Println("error:", err)
					os.Exit(1)
				}
				if _, err := fmt.Println(e.N, e.Delivery); err != nil {
					os.Exit(1)
				}
				printing.Unlock()
				for _, u := range handedOver(e.N) {
					s.Update(u)
				}
			}
		})
	}
	wg.Wait()
}

// appender starts a process that appends to path, and gives what it prints.
func appender(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "HISTORY_TEST_APPEND_TO="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestWhatAppendReturnedForSurvivesSIGKILL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	victim, victimOut := appender(t, path)
	other, otherOut := appender(t, path)
	const each = 300
	safe := map[string]string{} // delivery by number
	read := func(out *bufio.Scanner, most int) {
		for i := 0; i < most && out.Scan(); i++ {
			n, id, _ := strings.Cut(out.Text(), " ")
			if n == "error:" {
				t.Fatalf("a process failed: %s", id)
			}
			if safe[n] != "" {
				t.Errorf("number %s was used twice", n)
			}
			safe[n] = id
		}
	}
	for range each / 10 {
		read(victimOut, 10)
		read(otherOut, 10)
	}
	// Killed in the middle of its appends: what it has printed by then counts.
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	read(victimOut, 1<<20)
	_ = victim.Wait()
	killedAt := len(safe)
	read(otherOut, each) // the other one goes on
	if len(safe) < killedAt+each {
		t.Errorf("the other process stored only %d more", len(safe)-killedAt)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	read(otherOut, 1<<20)
	_ = other.Wait()

	s := openAt(t, path)
	sound(t, s)
	for n, id := range safe {
		var number int64
		if _, err := fmt.Sscan(n, &number); err != nil {
			t.Fatal(err)
		}
		if e := get(t, s, number); e.Delivery != id || len(e.Body) != 300 {
			t.Errorf("event %s has the delivery %q and %d bytes, want %q", n, e.Delivery, len(e.Body), id)
		}
	}
	// The sessions of the dead can be ended.
	for _, cmd := range []*exec.Cmd{victim, other} {
		session := fmt.Sprint(cmd.Process.Pid)
		open := 0
		for _, c := range follow(t, s, session) {
			if c.Row.Phase == event.PhaseOpen {
				open++
			}
		}
		pending, err := s.EndSession(t.Context(), session, safeTime)
		if err != nil || pending != open {
			t.Errorf("EndSession = %d, %v, want the %d that were open", pending, err, open)
		}
	}
}

// sound lets SQLite check the whole file.
func sound(t testing.TB, s *Store) {
	t.Helper()
	var verdict string
	if err := s.db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %s, %v", verdict, err)
	}
}

func TestProcessesTakeTurnsAtOpeningANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	var wg sync.WaitGroup
	for range 3 {
		cmd, out := appender(t, path)
		wg.Go(func() {
			if !out.Scan() || strings.HasPrefix(out.Text(), "error") {
				t.Errorf("a process could not begin: %s", out.Text())
			}
			_ = cmd.Process.Kill()
			for out.Scan() { // until the pipe is closed, as Wait requires
			}
			_ = cmd.Wait()
		})
	}
	wg.Wait()
	sound(t, openAt(t, path))
}
