package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Match selects events by kind and by repo. The zero value matches all.
type Match struct {
	Kinds   []string // globs over kinds: "discussion.*"; one has to fit, if there are any
	Watches []string // globs over type:name: "model:me/*"; one has to fit, if there are any
}

// ParseMatch reads a comma list of kind globs and watch globs. A term with a
// colon is a watch glob. "*" stands for any run of characters, dots and
// slashes among them. The error is a [*MatchError].
func ParseMatch(s string) (Match, error) {
	var m Match
	for term := range strings.SplitSeq(s, ",") {
		term = strings.TrimSpace(term)
		typ, _, isWatch := strings.Cut(term, ":")
		switch {
		case term == "":
			return Match{}, &MatchError{Match: s, Problem: "a term is empty"}
		case isWatch && !slices.ContainsFunc(hub.WatchTypes(), func(t hub.WatchType) bool { return Glob(typ, string(t)) }):
			return Match{}, &MatchError{s, typ, "is not a type of repo or account"}
		case isWatch:
			m.Watches = append(m.Watches, term)
		case !slices.ContainsFunc(kinds, func(k Kind) bool { return matchKind(term, k) }) && !documentedScope(term):
			return Match{}, &MatchError{s, term, "fits no kind of event"}
		default:
			m.Kinds = append(m.Kinds, term)
		}
	}
	return m, nil
}

// MatchError is a syntax error in a match.
type MatchError struct {
	Match   string // the whole text
	Word    string // the part that is wrong, empty if something is missing
	Problem string // what is wrong with it
}

// Error quotes the text and the part that is wrong.
func (e *MatchError) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("match %q: %s", e.Match, e.Problem)
	}
	return fmt.Sprintf("match %q: %q %s", e.Match, e.Word, e.Problem)
}

// documentedScope reports whether a glob reaches below a scope that the Hub
// documents, where kinds may appear that are not known yet.
func documentedScope(pattern string) bool {
	return slices.ContainsFunc(kinds, func(k Kind) bool {
		below, ok := strings.CutPrefix(pattern, string(k.Scope())+".")
		return ok && strings.Contains(below, ".")
	})
}

// Matches reports whether e fits. A kind glob may fit the event's own kind or
// the documented one that it counts as. A watch glob fits a repo; "user:me" and
// "org:us" fit every repo of that account.
func (m Match) Matches(e *Event) bool {
	if len(m.Kinds) > 0 && !slices.ContainsFunc(m.Kinds, func(p string) bool { return matchKind(p, e.Kind) }) {
		return false
	}
	if len(m.Watches) > 0 && !slices.ContainsFunc(m.Watches, func(p string) bool { return matchWatch(p, e.Repo) }) {
		return false
	}
	return true
}

// String returns the comma list that ParseMatch reads.
func (m Match) String() string {
	return strings.Join(append(slices.Clone(m.Kinds), m.Watches...), ",")
}

// MatchesRow is Matches for an event whose body is not loaded. It allocates nothing.
func (m Match) MatchesRow(r *Row) bool {
	return (len(m.Kinds) == 0 || fitsAny(m.Kinds, func(p string) bool { return matchKind(p, r.Kind) })) &&
		(len(m.Watches) == 0 || fitsAny(m.Watches, func(p string) bool { return matchRepo(p, r.Repo) }))
}

func matchKind(pattern string, k Kind) bool {
	return k != "" && (Glob(pattern, string(k)) || Glob(pattern, string(k.Documented())))
}

func matchWatch(pattern string, repo hub.Repo) bool {
	if Glob(pattern, repo.String()) {
		return true
	}
	typ, name, _ := strings.Cut(pattern, ":")
	owner, _, owned := strings.Cut(repo.Name, "/")
	return owned && (typ == "user" || typ == "org") && Glob(name, owner)
}

func fitsAny(patterns []string, fits func(string) bool) bool {
	for _, p := range patterns {
		if fits(p) {
			return true
		}
	}
	return false
}

// matchRepo is matchWatch for a repo that is written as one text.
func matchRepo(pattern, repo string) bool {
	if repo == "" {
		repo = ":"
	}
	if Glob(pattern, repo) {
		return true
	}
	typ, name, _ := strings.Cut(pattern, ":")
	_, full, _ := strings.Cut(repo, ":")
	owner, _, owned := strings.Cut(full, "/")
	return owned && (typ == "user" || typ == "org") && Glob(name, owner)
}

// Glob reports whether s fits a pattern in which "*" stands for any run of
// characters. Only the last star ever has to be tried again at a later place,
// so that the time is at most len(pattern) × len(s).
func Glob(pattern, s string) bool {
	star, retry := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			retry++
			p, i = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
