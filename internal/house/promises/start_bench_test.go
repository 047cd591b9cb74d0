package promises

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkStart measures a session from its start until it is ready, on the
// sandbox, beside "hf-tap version", which starts and does nothing. The two take
// turns, and the result is their ratio: a machine's speed is not in it.
//
//	go test -run '^$' -bench Start ./internal/house/promises
func BenchmarkStart(b *testing.B) {
	needsSignals(b)
	pairs := 20
	if testing.Short() {
		pairs = 3
	}
	w := newWorld(b)
	for b.Loop() {
		var ratios, starts []float64
		for range pairs {
			began := time.Now()
			w.run(0, "version")
			nothing := time.Since(began)
			began = time.Now()
			p := w.listen()
			p.ready(b)
			ready := time.Since(began)
			w.interrupt(p)
			ratios = append(ratios, float64(ready)/float64(nothing))
			starts = append(starts, float64(ready)/float64(time.Millisecond))
		}
		slices.Sort(ratios)
		slices.Sort(starts)
		b.ReportMetric(ratios[len(ratios)/2], "ready/version")
		b.ReportMetric(ratios[0], "ready/version-min")
		b.ReportMetric(ratios[len(ratios)-1], "ready/version-max")
		b.ReportMetric(starts[len(starts)/2], "ready-ms")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs
	}
	w.clean(b)
}
