package filter

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/nearest"
)

// A filter that can fit nothing is an error: a session that waits for a misspelt
// kind never ends. What the Hub may add one day can be asked for in quotes.

// checkKind reports a kind that fits none of the Hub's.
func checkKind(v value) *Error {
	text := strings.ToLower(v.text)
	if kindFits(text) {
		return nil
	}
	if m, err := event.ParseMatch(text); err != nil || len(m.Watches) > 0 {
		return unknownKind(v.text, v.pos)
	}
	return checkScope(v.text, v.pos)
}

// kindFits reports whether the text of a kind: term fits a kind of the Hub's.
func kindFits(text string) bool {
	for _, k := range event.Kinds() {
		if strings.Contains(string(k), text) || event.Glob(text, string(k)) {
			return true
		}
	}
	return false
}

// checkScope reports a kind of a scope that the Hub does not document if it is a
// misspelt one that it does: a new scope is not that near to an old one.
func checkScope(kind string, pos int) *Error {
	lower := strings.ToLower(kind)
	if kindFits(lower) || nearest.Typo(lower, kindWords()) == "" {
		return nil
	}
	return unknownKind(kind, pos)
}

func unknownKind(word string, pos int) *Error {
	return unknown(word, pos, kindWords(), `a kind of event, or the text in "quotes"`, "%q fits no kind of event", word)
}

// kindWords lists the kinds, the globs of their scopes and those of their actions.
func kindWords() []string {
	var words []string
	for _, k := range event.Kinds() {
		words = append(words, string(k), string(k.Scope())+".*", "*."+string(k.Action()))
	}
	return words
}

// checkRepo reports a type of repo that does not exist. A part of one is fine, as
// the value may stand anywhere in the repo's name.
func checkRepo(v value) *Error {
	typ, _, found := strings.Cut(v.text, ":")
	if !found {
		return nil
	}
	var types []string
	for _, t := range hub.RepoTypes() {
		if event.Glob("*"+strings.ToLower(typ), string(t)) {
			return nil
		}
		types = append(types, string(t))
	}
	return unknown(typ, v.pos, types, "one of "+strings.Join(types, ", ")+`, or the text in "quotes"`, "%q is not a type of repo", typ)
}

func watchTypes() []string {
	var types []string
	for _, t := range hub.WatchTypes() {
		types = append(types, string(t))
	}
	return types
}

// likeKind is the form that kinds have.
var likeKind = regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)

// checkWord reports a word that was meant as a kind or a repo: one with a star
// in it, and one that is nearly a kind.
func checkWord(word string, pos int) *Error {
	if strings.Contains(word, "*") {
		var wrong *event.MatchError
		if _, err := event.ParseMatch(word); errors.As(err, &wrong) && wrong.Word != "" {
			return unknown(wrong.Word, pos+strings.Index(word, wrong.Word), append(kindWords(), watchTypes()...),
				`kinds or repos that exist, or the text in "quotes"`, "%q fits no kind of event and no repo", wrong.Word)
		}
		return unknownKind(word, pos)
	}
	lower := strings.ToLower(word)
	if !likeKind.MatchString(lower) || kindFits(lower) || nearest.Word(lower, kindWords()) == "" {
		return nil
	}
	return unknownKind(word, pos)
}
