package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// rows are as many rows as a list holds, like those of a busy day.
func rows(n int) []*event.Row {
	rows := make([]*event.Row, n)
	for i := range rows {
		e := &event.Event{
			N: int64(i + 1), Kind: event.Kinds()[i%len(event.Kinds())], Repo: hub.Repo{Type: "model", Name: fmt.Sprintf("me/model-%d", i%50)}, Verdict: event.VerdictOK,
			Source: event.SourceHub, Phase: event.PhaseSettled, Delivery: fmt.Sprintf("%032x", i), Answer: event.Answer{Status: 200}, Targets: []string{"http://127.0.0.1:3000/hook"},
			Attempts: []event.Attempt{{N: 1, Target: "http://127.0.0.1:3000/hook", Status: 200 + 300*(i%17/16), Duration: time.Duration(i%2000) * time.Millisecond}},
		}
		rows[i] = event.NewRow(e)
	}
	return rows
}

// BenchmarkFilterBesideSubstring filters 100,000 rows and scans the same rows
// for a substring, in turns, and reports the ratio of the medians.
func BenchmarkFilterBesideSubstring(b *testing.B) {
	all := rows(100_000)
	for _, filter := range []string{"model-3", "kind:discussion.*", "status:>=500", "discussion.*,model:me/*", "kind:discussion.* repo:me/* status:2xx latency:>1s -kind:repo.config"} {
		b.Run(filter, func(b *testing.B) {
			f, err := Parse(filter)
			if err != nil {
				b.Fatal(err)
			}
			var scans, filters []time.Duration
			found := 0
			for range b.N {
				began := time.Now()
				for _, r := range all {
					if strings.Contains(r.SearchText(), "model-3") {
						found++
					}
				}
				between := time.Now()
				for _, r := range all {
					if f.MatchRow(r) == FitYes {
						found++
					}
				}
				scans, filters = append(scans, between.Sub(began)), append(filters, time.Since(between))
			}
			slices.Sort(scans)
			slices.Sort(filters)
			scan, match := scans[len(scans)/2], filters[len(filters)/2]
			b.ReportMetric(float64(match)/float64(scan), "x-substring")
			b.ReportMetric(float64(match)/1e6, "ms/100k")
			if found == 0 {
				b.Error("nothing was found")
			}
		})
	}
}
