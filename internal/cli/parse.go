package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/receiver"
)

// parseWatch reads the repo or account to watch from a flag or an argument. The hint of
// its error is the same with the nearest type, behind what is typed before it.
func (p *Process) parseWatch(s, before string) (hub.Watch, error) {
	if endpoint := strings.TrimRight(p.Getenv("HF_ENDPOINT"), "/"); endpoint != "" {
		if path, ok := strings.CutPrefix(s, endpoint+"/"); ok { // as pasted from a stand-in's answer
			s = hub.DefaultEndpoint + "/" + path
		}
	}
	w, err := hub.ParseWatch(s)
	if err != nil {
		return w, usageError(err, before+" "+watchMeant(s, before))
	}
	return w, nil
}

// watchMeant returns a probable correction of a wrong watch, as it is typed after a
// command or a flag; otherwise an example.
func watchMeant(s, before string) string {
	valid := func(s string) bool {
		_, err := hub.ParseWatch(s)
		return err == nil
	}
	if list := listed(s, before, valid); list != "" {
		return list
	}
	typ, name, ok := strings.Cut(s, ":")
	near := nearest.Word(strings.ToLower(typ), texts(hub.WatchTypes()))
	owner, all := strings.CutSuffix(name, "/*")
	u, err := url.Parse(s)
	switch {
	case !ok: // old models have no owner
		near, name = "model", s
	case err == nil && u.Host != "": // the page of a user or an organization
		near, name = "user", strings.Trim(u.Path, "/")
	case all:
		near, name = "user", owner
	case (near == "user" || near == "org") && strings.Contains(name, "/"):
		near = "model"
	}
	if meant := near + ":" + name; valid(meant) {
		return meant
	}
	return "model:me/my-model"
}

// listed returns the words of a list with commas as they are typed behind a command,
// or each behind its flag; "" if it is not a list of valid ones.
func listed(s, before string, valid func(string) bool) string {
	words := strings.Split(s, ",")
	if len(words) < 2 || slices.ContainsFunc(words, func(word string) bool { return !valid(word) }) {
		return ""
	}
	between := " "
	if flag := before[strings.LastIndexByte(before, ' ')+1:]; strings.HasPrefix(flag, "--") {
		between += flag + " "
	}
	return strings.Join(words, between)
}

// parseFilter reads a filter. The hint of its error is the corrected one, else an
// example, behind what is typed before it.
func parseFilter(s, before, example string) (*filter.Filter, error) {
	f, err := filter.Parse(s)
	if err != nil {
		return nil, usageError(err, before+" "+quoted(cmp.Or(corrected(err), example)))
	}
	return f, nil
}

// corrected returns a probable correction of a wrong filter, "" if there is none.
func corrected(err error) string {
	var wrong *filter.Error
	if !errors.As(err, &wrong) {
		return ""
	}
	return wrong.Corrected()
}

// parseRoute reads a target with the filter in front of it. The hint of its error is
// before and then the corrected target, or else the example.
func parseRoute(s, before, example string) (receiver.Route, error) {
	route, err := receiver.ParseRoute(s)
	match := route.Match.String()
	var wrong *event.MatchError
	switch {
	case errors.As(err, &wrong):
		match = wrong.Match
	case err != nil:
		if _, target, _ := receiver.CutRoute(s); strings.HasPrefix(target, "/") {
			example = quoted(strings.TrimSuffix(s, target) + "7860" + event.MaskURL(target))
		}
		return route, usageError(err, before+" "+example)
	}
	_, filterErr := filter.Parse(match) // it has every word of a match
	if err == nil && filterErr != nil {
		err = fmt.Errorf("match %q of a route: %w", match, filterErr)
	}
	if err == nil {
		return route, nil
	}
	hint := example
	if right := corrected(filterErr); right != "" && !strings.Contains(s, "@") { // there may be a password before it
		_, target, _ := strings.Cut(s, "=")
		hint = quoted(right + "=" + event.MaskURL(target))
	}
	return route, usageError(err, before+" "+hint)
}

// parseRoutes reads the targets of a flag that can be repeated.
func (p *Process) parseRoutes(all []string, before, example string) ([]receiver.Route, error) {
	var routes []receiver.Route
	for _, s := range all {
		route, err := parseRoute(s, before, example)
		if err != nil {
			return nil, err
		}
		routes = append(routes, route)
	}
	return unique(p, routes, func(r receiver.Route) string { return "--forward " + routeText(r) }), nil
}

// routeText is a route as it is typed, without secrets.
func routeText(r receiver.Route) string {
	front := r.Match.String()
	if r.Default {
		front = "default"
	}
	if front != "" {
		front += "="
	}
	return front + event.MaskURL(r.Target.Name())
}

// unique removes repeated items from a list, and prints a line about each. words
// returns an item as the user typed it.
func unique[T any](p *Process, all []T, words func(T) string) []T {
	var once []T
	seen := map[string]bool{}
	for _, item := range all {
		name := words(item)
		if !seen[name] {
			once = append(once, item)
		} else {
			p.tell("%s is given twice: once is enough", name)
		}
		seen[name] = true
	}
	return once
}

// oneOf checks the value of a flag that has only a few. The hint of its error has
// the nearest one.
func oneOf(flag, value, command string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return usageError(fmt.Errorf("%q is not a valid %s: want %s", value, flag, strings.Join(values, " or ")),
		command+" "+flag+" "+cmp.Or(nearest.Word(strings.ToLower(value), values), values[0]))
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// quoted is a word as a shell takes it.
func quoted(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// parseDomain reads a domain. The hint of its error has the nearest one, behind
// what is typed before it.
func parseDomain(s, before string) (hub.Domain, error) {
	domain, err := hub.ParseDomain(s)
	if err != nil {
		near := listed(s, before, func(s string) bool { _, err := hub.ParseDomain(s); return err == nil })
		near = cmp.Or(near, nearest.Word(strings.ToLower(s), texts(hub.Domains())))
		if near == "" {
			near = "discussion"
		}
		return "", usageError(err, before+" "+near)
	}
	return domain, nil
}

// notWatch is the error of an argument that does not name a repo or an account,
// with the hint that fits what it is instead: a target, or an app.
func notWatch(err error, arg string, args []string) error {
	_, targetErr := receiver.ParseTarget(arg)
	_, appErr := exec.LookPath(arg)
	switch {
	case targetErr == nil && !strings.Contains(arg, "@") && !strings.Contains(arg, "hf.co") && !strings.Contains(arg, "huggingface.co"):
		return usageError(err, "hf-tap listen --forward "+quoted(arg))
	case appErr == nil && arg == args[0]:
		words := make([]string, len(args))
		for i, word := range args {
			words[i] = quoted(word)
		}
		return usageError(err, "hf-tap listen -- "+strings.Join(words, " "))
	}
	return err
}

// parseN reads an event's number, as it is typed: 12 or #12.
func parseN(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "#"), 10, 64)
	if err != nil || n < 1 {
		return 0, usageError(fmt.Errorf("%q is not an event number", s), "hf-tap events ls")
	}
	return n, nil
}

func parseNumbers(args []string) ([]int64, error) {
	var numbers []int64
	for _, arg := range args {
		n, err := parseN(arg)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// texts returns typed texts as plain ones.
func texts[S ~string](typed []S) []string {
	plain := make([]string, len(typed))
	for i, s := range typed {
		plain[i] = string(s)
	}
	return plain
}
