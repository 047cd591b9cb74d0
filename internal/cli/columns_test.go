package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
)

// strangeRows are events with all that moved columns: dates, large numbers, long
// and wide names, no repo, no kind, a bad verdict, no answer.
func strangeRows(now time.Time) []*event.Row {
	row := func(n int64, change func(*event.Row)) *event.Row {
		r := &event.Row{N: n, At: now, Kind: "repo.update", Repo: "model:me/m", Verdict: event.VerdictOK, Answer: event.Answer{Status: 200}, Phase: event.PhaseSettled, DeliveryN: 1,
			Targets: []event.RowTarget{{Name: "http://127.0.0.1:3000", Tries: 1, Status: 200}}}
		change(r)
		return r
	}
	return []*event.Row{
		row(1, func(*event.Row) {}),
		row(2, func(r *event.Row) { r.Repo = "dataset:a-long-organization/with-a-very-long-name-of-a-repo-v2.1" }),
		row(3, func(r *event.Row) { r.Repo = "" }),
		row(4, func(r *event.Row) { r.Repo, r.Kind = "model:me/模型😀", "discussion.comment.create" }),
		row(123456, func(r *event.Row) { r.Verdict, r.Answer.Status = event.VerdictWrong, 403 }),
		row(123457, func(r *event.Row) { r.Answer.Status, r.Source, r.ReplayOf = 0, event.SourceReplay, 7 }),
		row(123458, func(r *event.Row) { r.Kind, r.Size = "", 0 }),
		row(123459, func(r *event.Row) { r.At, r.Repo = now.AddDate(0, 0, -1), "model:me/\x1b[2J" }),
		row(123460, func(r *event.Row) { r.Kind = event.Kind("repo." + strings.Repeat("x", 300)) }),
		row(123461, func(r *event.Row) { r.DeliveryN = 2 }),
	}
}

// startsAt gives the cell at which a text stands in a line, -1 if it does not.
func startsAt(line, text string) int {
	before, _, found := strings.Cut(line, text)
	if !found {
		return -1
	}
	return ansi.StringWidth(before)
}

func TestTheColumnsOfAListStayAlignedWhateverARowHas(t *testing.T) {
	now := time.Now()
	rows := strangeRows(now)
	var c columns
	for _, row := range rows {
		c.fit(row, now)
	}
	answers, targets, kinds := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, row := range rows {
		line := c.event(row)
		if !strings.HasPrefix(line, row.At.Format(time.DateTime)+"  #") || strings.ContainsAny(line, "\x1b\n") {
			t.Errorf("%q", line)
		}
		if at := startsAt(line, "answered "); row.Answer.Status != 0 {
			answers[at] = true
		}
		if len(eventWords(row)) == 1 {
			targets[startsAt(line, ":3000")] = true
		}
		if row.Kind != "" {
			kinds[startsAt(line, cellsOf(row).kind)] = true
		}
	}
	if len(answers) != 1 || len(targets) != 1 || len(kinds) != 1 {
		t.Errorf("the columns begin at %v, %v and %v", kinds, answers, targets)
	}
}

// A running session does not know what comes: columns grow, and stay so.
func TestTheColumnsOfLinesGrowAndNeverShrink(t *testing.T) {
	now := time.Now()
	var c columns
	at := -1
	for range 2 {
		for _, row := range strangeRows(now) {
			line := c.event(row)
			if row.Answer.Status == 0 {
				continue
			}
			next := startsAt(line, "answered ")
			if next < at {
				t.Errorf("the answer moved back from %d to %d in %q", at, next, line)
			}
			at = next
		}
		if state := c.state(&event.State{At: now, Subject: "tunnel", State: "up"}); startsAt(state, "tunnel") != len("2006-01-02 15:04:05  #123456  ") {
			t.Errorf("%q", state)
		}
	}
	var fresh columns
	if line := fresh.event(strangeRows(now)[0]); !strings.HasPrefix(line, now.Format(time.TimeOnly)+"  #1     repo.update                model:me/m               answered 200  :3000") {
		t.Errorf("%q", line)
	}
}

func TestATableIsAlignedWhateverACellHas(t *testing.T) {
	var table table
	table.add("ID", "WATCHES", "TARGET")
	table.add("1", "model:me/模型", "http://x")
	table.add("2", "", "http://y")
	table.add("3", "user:me\t\x1b[2J\nforged", "http://z")
	var out strings.Builder
	if err := table.print(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 || strings.Contains(out.String(), "\x1b") {
		t.Fatalf("%q", lines)
	}
	for i, target := range []string{"TARGET", "http://x", "http://y", "http://z"} {
		if startsAt(lines[i], "  "+target) != startsAt(lines[0], "  TARGET") {
			t.Errorf("%q is not aligned with %q", lines[i], lines[0])
		}
	}
}
