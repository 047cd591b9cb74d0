package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/nearest"
)

// Error is a syntax error in a filter: the place, and what would be valid there.
type Error struct {
	Filter  string
	Pos     int    // the byte at which the wrong part begins
	Problem string // what is wrong
	Want    string // what would be right
	Word    string // the word at Pos that is unknown, empty where something else is wrong
	Near    string // the known word that was probably meant, empty if none is close
}

// Corrected returns the filter with the word that was probably meant, "" if no
// word is close.
func (e *Error) Corrected() string {
	if e.Near == "" || !strings.HasPrefix(e.Filter[min(e.Pos, len(e.Filter)):], e.Word) {
		return ""
	}
	return e.Filter[:e.Pos] + e.Near + e.Filter[e.Pos+len(e.Word):]
}

// Place is Pos as users count: "at character 10".
func (e *Error) Place() string {
	return fmt.Sprintf("at character %d", utf8.RuneCountInString(e.Filter[:min(e.Pos, len(e.Filter))])+1)
}

// Error returns all on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("filter %q, %s: %s: want %s", e.Filter, e.Place(), e.Problem, e.Want)
}

// maxFilter bounds what one match can cost.
const maxFilter = 4096

// Parse reads a filter. The empty one fits every event. Every text that
// ParseMatch takes is a filter with the same meaning, as long as no term of it
// has a space inside. The error is a *Error.
func Parse(s string) (*Filter, error) {
	f := &Filter{source: strings.TrimSpace(s)}
	if len(s) > maxFilter {
		return nil, &Error{Filter: s[:40] + "…", Pos: maxFilter, Problem: "it is too long", Want: fmt.Sprintf("at most %d bytes", maxFilter)}
	}
	f.jq = &jqReport{}
	l := lexer{s: s, report: f.jq}
	for l.space(); !l.done(); l.space() {
		t, err := l.term()
		if err != nil {
			err.Filter = s
			return nil, err
		}
		f.terms = append(f.terms, t)
	}
	return f, nil
}

// lexer takes a filter apart. i is where it stands.
type lexer struct {
	s      string
	i      int
	report *jqReport // the filter's
}

func (l *lexer) done() bool { return l.i >= len(l.s) }

func (l *lexer) space() {
	for !l.done() {
		r, size := utf8.DecodeRuneInString(l.s[l.i:])
		if !unicode.IsSpace(r) {
			return
		}
		l.i += size
	}
}

func wrong(pos int, want, format string, args ...any) *Error {
	return &Error{Pos: pos, Problem: fmt.Sprintf(format, args...), Want: want}
}

// unknown says that a word is not one of those that are known. It wants the one
// that was probably meant, else what describes them all.
func unknown(word string, pos int, known []string, want, format string, args ...any) *Error {
	err := wrong(pos, want, format, args...)
	err.Word, err.Near = word, nearest.Word(strings.ToLower(word), known)
	if err.Near != "" {
		err.Want = err.Near + `, or the text in "quotes"`
	}
	return err
}

// term reads one condition.
func (l *lexer) term() (t term, err *Error) {
	if l.s[l.i] == '-' {
		l.i++
		if l.done() || startsSpace(l.s[l.i:]) {
			return term{}, wrong(l.i-1, "a term right after it", `"-" stands alone`)
		}
		defer func() { t.Not = !t.Not }()
	}
	start := l.i
	if l.s[l.i] == '"' {
		phrase, err := l.quoted()
		if err == nil && phrase == "" {
			err = wrong(start, "a phrase between the quotes", "the phrase is empty")
		}
		return words(phrase), err
	}
	if t, ok, err := l.match(); ok || err != nil {
		return t, err
	}
	key, hasValue := l.key()
	if !hasValue {
		word := l.word()
		if err := checkWord(word, start); err != nil {
			return term{}, err
		}
		return words(word), nil
	}
	if key == "jq" {
		return l.jq()
	}
	k, known := findKey(key)
	if !known {
		return term{}, unknown(l.s[start:start+len(key)], start, append(keyNames(), watchTypes()...), "one of "+strings.Join(keyNames(), ", ")+`, or the text in "quotes"`, "unknown key %q", key)
	}
	values, err := l.values()
	if err != nil {
		return term{}, err
	}
	t, err = k.term(values)
	t.Key = key
	if t.Values == nil && t.Ranges == nil {
		for _, v := range values {
			t.Values, t.Plain = append(t.Values, strings.ToLower(v.text)), append(t.Plain, v.quoted)
		}
	}
	return t, err
}

// match reads a Match, as routes have it, if one stands here. Spaces may stand
// beside its commas.
func (l *lexer) match() (t term, ok bool, wrong *Error) {
	end := l.i
	for end < len(l.s) && !startsSpace(l.s[end:]) {
		end++
		rest := strings.TrimLeft(l.s[end:], " ")
		if l.s[end-1] == ',' || strings.HasPrefix(rest, ",") {
			end = len(l.s) - len(rest)
		}
	}
	m, err := event.ParseMatch(l.s[l.i:end])
	if err != nil {
		return term{}, false, nil
	}
	for _, kind := range m.Kinds {
		if wrong := checkScope(kind, l.i+strings.Index(l.s[l.i:end], kind)); wrong != nil {
			return term{}, false, wrong
		}
	}
	l.i = end
	return matching(m), true, nil
}

func startsSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

// key reads a key and its colon, if that is what stands here.
func (l *lexer) key() (string, bool) {
	end := l.i
	for end < len(l.s) && (l.s[end] >= 'a' && l.s[end] <= 'z' || l.s[end] >= 'A' && l.s[end] <= 'Z') {
		end++
	}
	if end == l.i || end == len(l.s) || l.s[end] != ':' {
		return "", false
	}
	key := strings.ToLower(l.s[l.i:end])
	l.i = end + 1
	return key, true
}

// word reads up to the next space.
func (l *lexer) word() string {
	start := l.i
	for !l.done() && !startsSpace(l.s[l.i:]) {
		l.i++
	}
	return l.s[start:l.i]
}

// quoted reads a phrase between the quotes that begin here. A backslash takes
// the meaning from the quote or the backslash after it.
func (l *lexer) quoted() (string, *Error) {
	start, quote := l.i, l.s[l.i]
	var b strings.Builder
	for l.i++; !l.done(); l.i++ {
		c := l.s[l.i]
		switch {
		case c == quote:
			l.i++
			return b.String(), nil
		case c == '\\' && l.i+1 < len(l.s) && (l.s[l.i+1] == quote || l.s[l.i+1] == '\\'):
			l.i++
			b.WriteByte(l.s[l.i])
		default:
			b.WriteByte(c)
		}
	}
	return "", wrong(start, fmt.Sprintf("%c at its end", quote), "the quoted phrase has no end")
}

// value is one alternative of a key's values, and where it stands.
type value struct {
	text   string
	pos    int
	quoted bool // "*" stands for itself
}

// values reads alternatives, separated by commas.
func (l *lexer) values() ([]value, *Error) {
	var values []value
	for {
		v := value{pos: l.i}
		switch {
		case !l.done() && l.s[l.i] == '"':
			text, err := l.quoted()
			if err != nil {
				return nil, err
			}
			v.text, v.quoted = text, true
		default:
			for !l.done() && l.s[l.i] != ',' && !startsSpace(l.s[l.i:]) {
				l.i++
			}
			v.text = l.s[v.pos:l.i]
		}
		if v.text == "" {
			return nil, wrong(v.pos, "a value right after the colon or comma", "the value is empty")
		}
		values = append(values, v)
		if l.done() || startsSpace(l.s[l.i:]) {
			return values, nil
		}
		if l.s[l.i] != ',' {
			return nil, wrong(l.i, "a comma or a space after a quoted value", "%q follows a quote", l.s[l.i:l.i+1])
		}
		l.i++
	}
}
