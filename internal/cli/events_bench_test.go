package cli_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
)

// scanOf makes this test's program a plain scan of a history: the baseline.
const scanOf = "HF_TAP_TEST_SCAN_OF"

// scan reads all rows of a query, all their columns.
func scan(path, query string) error {
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fill makes a history with events that have a body and an attempt each.
func fill(b *testing.B, state string, events int) (path string) {
	b.Helper()
	path = session.Dir(state).History()
	store, err := history.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?_pragma=synchronous(OFF)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const series = `WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < ?) `
	for _, text := range []string{
		series + `INSERT INTO events SELECT i, i, i, '5e55ab01c0ffee42', 'hub', 0, 'w', hex(randomblob(12)), 1,
			iif(i % 100 = 0, 'discussion.create', 'repo.content.update'), 'model:me/m', 1700000000000000000 + i, 'ok', 'settled', 200, 1, 0, 0, 0, 0, 0,
			300, 0, 'POST', '/hf-tap/x', 'pushed main', '[["http://127.0.0.1:7860",1,200,1000000,"",0]]' FROM series`,
		series + `INSERT INTO payloads SELECT i, '[["Content-Type","application/json"],["Webhook-Id","x"],["X-Webhook-Secret","a secret"]]',
			CAST('{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"me/m"},"text":"' || hex(randomblob(100)) || '"}' AS BLOB) FROM series`,
		series + `INSERT INTO attempts SELECT i, 1, 1, 'http://127.0.0.1:7860', 1700000000000000000 + i, 1000000, 200, '', 0, '[["Content-Type","application/json"]]',
			CAST('{"ok":true}' AS BLOB) FROM series`,
	} {
		if _, err := db.Exec(text, events); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// measure runs a program to its end and returns how long it took and how long it
// used a processor, in seconds, and how much memory it had, in bytes.
func measure(b *testing.B, env []string, name string, args ...string) (took, cpu, size float64) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(slices.Clone(env), "PATH="+os.Getenv("PATH"))
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v", args, err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return time.Since(start).Seconds(), used.Seconds(), memory(cmd.ProcessState)
}

// BenchmarkEventsOfAMillion runs commands over a large history beside a plain scan of
// what they read, in another process. The metrics are how much longer they take,
// and how much more memory they have: the medians of the pairs.
func BenchmarkEventsOfAMillion(b *testing.B) {
	events, pairs := 1_000_000, 3
	if testing.Short() {
		events, pairs = 20_000, 1
	}
	state := filepath.Join(b.TempDir(), "state")
	path := fill(b, state, events)
	const all = `SELECT * FROM events e LEFT JOIN payloads p ON p.n = e.n LEFT JOIN attempts a ON a.event = e.n`
	commands := []struct {
		name, scan string
		pairs      int
		args       []string
	}{
		{"ls", `SELECT * FROM events`, pairs, []string{"events", "ls", "kind:discussion.* latency:>1ns"}},
		{"ls-body", all, 1, []string{"events", "ls", "jq:.text==1"}},
		{"export", all, pairs, []string{"events", "export", "--output", os.DevNull}},
		{"export-har", all, pairs, []string{"events", "export", "--format", "har", "--output", os.DevNull}},
		{"rm", all, 1, []string{"events", "rm", "--older", "1d", "--yes"}}, // last: it removes all
	}
	env := []string{"HF_TAP_STATE=" + state, "HOME=" + b.TempDir()}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range commands {
		b.Run(fmt.Sprintf("%s/events=%d", c.name, events), func(b *testing.B) {
			for range b.N {
				if c.name == "rm" && b.N > 1 {
					b.Skip("once is enough: -benchtime 1x")
				}
				var ratios [3][]float64
				for range c.pairs {
					var plain, ours [3]float64
					plain[0], plain[1], plain[2] = measure(b, []string{scanOf + "=" + path + "|" + c.scan}, self)
					ours[0], ours[1], ours[2] = measure(b, env, binary, c.args...)
					for i := range ratios {
						ratios[i] = append(ratios[i], ours[i]/plain[i])
					}
					b.ReportMetric(ours[0], "s")
					b.ReportMetric(ours[2]/(1<<20), "MiB")
				}
				for i, name := range []string{"×time", "×cpu", "×memory"} {
					slices.Sort(ratios[i])
					b.ReportMetric(ratios[i][len(ratios[i])/2], name)
				}
			}
		})
	}
}
