package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

// recentEvents is how many events a completion looks at.
const recentEvents = 100

const inOrder = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder

// recent returns the newest events, nil if there is no history.
func (c completion) recent() []*event.Row {
	reader, err := c.p.readHistory(c.ctx)
	if err != nil || reader == nil {
		return nil
	}
	defer reader.Close()
	rows, err := reader.List(c.ctx, history.Query{Limit: recentEvents})
	if err != nil {
		return nil
	}
	return rows
}

// completeEvents completes the number of an event, the newest first.
func completeEvents(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []string
	for _, row := range c.recent() {
		n := strconv.FormatInt(row.N, 10)
		if slices.Contains(c.args, n) {
			continue
		}
		about := []string{string(row.Kind)}
		if row.Repo != "" {
			about = append(about, row.Repo)
		}
		switch {
		case row.Failed:
			about = append(about, "failed")
		case row.Pending:
			about = append(about, "pending")
		}
		words = append(words, n+"\t"+strings.Join(about, " · "))
	}
	return words, inOrder
}

func completeSessions(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	reader, err := c.p.readHistory(c.ctx)
	if err != nil || reader == nil {
		return nil, inOrder
	}
	defer reader.Close()
	sessions, err := reader.Sessions(c.ctx, recentEvents)
	if err != nil {
		return nil, inOrder
	}
	var words []string
	for _, s := range sessions {
		words = append(words, s.ID+"\t"+lines.Stamp(s.StartedAt, time.Now())+" · "+present.Count(s.Events, "event"))
	}
	return words, inOrder
}

// completeLeftBehind completes the sessions whose records "webhooks prune" can drop.
func completeLeftBehind(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	dir, err := session.FindDir(c.p.Getenv)
	if err != nil {
		return nil, inOrder
	}
	left, _, _ := dir.LeftBehind() // those that can be read
	var words []string
	for _, r := range left {
		words = append(words, r.ID+"\t"+strings.TrimSpace(r.Endpoint+" "+r.User))
	}
	return words, inOrder
}

// completeFilter completes the last term of a filter.
func completeFilter(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	known := filter.Known{}
	term := c.typed[strings.LastIndexByte(c.typed, ' ')+1:]
	if strings.Contains(term, ":") { // only values of keys are looked up
		for _, row := range c.recent() {
			known.Add(row)
			for _, target := range row.Targets {
				known.Targets = append(known.Targets, target.Name)
			}
		}
	}
	done := filter.Complete(c.typed, len(c.typed), known)
	var words []string
	for _, candidate := range done.Candidates {
		word := c.typed[:done.From] + candidate.Text
		if candidate.Help != "" {
			word += "\t" + candidate.Help
		}
		words = append(words, word)
	}
	if strings.Contains(term, ":") {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	front := c.typed[:len(c.typed)-len(term)+strings.LastIndexByte(term, ',')+1]
	if strings.TrimPrefix(term, "-") != "" { // an empty term lists the keys alone
		for _, kind := range kindGlobs() {
			words = append(words, front+kind)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
