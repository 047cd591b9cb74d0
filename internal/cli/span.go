package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/spf13/pflag"
)

// spanFlags choose events by when they were received, and by a filter.
type spanFlags struct{ since, until, filter string }

func (f *spanFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.since, "since", "", "events received since: 2h, 30d, 2026-11-23 or RFC 3339")
	fs.StringVar(&f.until, "until", "", "events received before this `TIME`")
	fs.StringVar(&f.filter, "filter", "", "events that match this filter (hf-tap help filter)")
}

// given reports whether one of the flags is set.
func (f *spanFlags) given() bool { return f.since != "" || f.until != "" || f.filter != "" }

// typed is the flags as they are typed behind a command.
func (f *spanFlags) typed() (words string) {
	for _, flag := range [][2]string{{"--since", f.since}, {"--until", f.until}, {"--filter", f.filter}} {
		if flag[1] != "" {
			words += " " + flag[0] + " " + quoted(flag[1])
		}
	}
	return words
}

// narrow restricts a query to those events. command is what hints begin with.
func (f *spanFlags) narrow(q *history.Query, command string) (err error) {
	now := time.Now()
	if q.Since, err = parseTime(f.since, now, command+" --since"); err != nil {
		return err
	}
	if q.Until, err = parseTime(f.until, now, command+" --until"); err != nil {
		return err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return usageError(errors.New("--since must be before --until"), command+" --since 2d --until 1d")
	}
	if f.filter != "" {
		q.Filter, err = parseFilter(f.filter, command+" --filter", "discussion.*")
	}
	return err
}

// parseTime reads a time, or a duration before now. "" is the zero time. The hint of
// its error is what is typed before it, with an example.
func parseTime(s string, now time.Time, before string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := parseAgo(s); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil && t.Year() > 1700 && t.Year() < 2200 {
			return t, nil
		}
	}
	return time.Time{}, usageError(fmt.Errorf("%q is not a valid time", s), before+" 2h, or "+before+" "+now.Format(time.DateOnly))
}

// parseAgo reads how long ago something was: 30d, 2w, or as Go writes it, 90m.
func parseAgo(s string) (time.Duration, error) {
	if age, err := config.ParseAge(s); err == nil {
		return age, nil
	}
	ago, err := time.ParseDuration(s)
	if err == nil && ago < 0 {
		err = fmt.Errorf("%q is in the future", s)
	}
	return ago, err
}
