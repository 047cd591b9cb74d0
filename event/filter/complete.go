package filter

import (
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Completion is a list of texts that can replace the bytes From to To of a filter.
type Completion struct {
	From, To   int
	Candidates []Candidate
}

// Candidate is one text of a Completion, with a short explanation.
type Candidate struct {
	Text string
	Help string
}

// Known are values that Complete offers. Values may repeat.
type Known struct {
	Repos    []string // "model:me/m"
	Targets  []string
	Sessions []string // ids
	Webhooks []string // ids
}

// Add adds the values of an event, except its targets.
func (k *Known) Add(r *event.Row) {
	for _, v := range []struct {
		values *[]string
		value  string
	}{{&k.Repos, r.Repo}, {&k.Sessions, r.Session}, {&k.Webhooks, r.WebhookID}} {
		if v.value != "" && !slices.Contains(*v.values, v.value) {
			*v.values = append(*v.values, v.value)
		}
	}
}

// Complete returns what can be typed at the cursor, a byte position in text: keys
// at the beginning of a term, values after a key's colon, and nothing inside
// quotes and jq expressions.
func Complete(text string, cursor int, known Known) Completion {
	cursor = min(max(cursor, 0), len(text))
	from, ok := termStart(text[:cursor])
	if !ok {
		return Completion{From: cursor, To: cursor}
	}
	from += len(text[from:cursor]) - len(strings.TrimPrefix(text[from:cursor], "-"))
	key, typed, hasKey := strings.Cut(text[from:cursor], ":")
	c := Completion{From: from, To: cursor}
	if !hasKey {
		for _, k := range filterKeys {
			c.offer(key, k.Name+":", k.Help)
		}
		c.offer(key, "jq:", "a jq expression over the event's JSON: jq:.body.discussion.num > 3")
		return c
	}
	k, ok := findKey(strings.ToLower(key))
	if !ok {
		return c
	}
	c.From += len(key) + 1 + strings.LastIndexByte(typed, ',') + 1
	for _, v := range k.candidates(known) {
		c.offer(text[c.From:cursor], v, "")
	}
	return c
}

// offer adds a candidate that begins as what was typed, or, where that names a
// part of it, holds it.
func (c *Completion) offer(typed, text, help string) {
	lower := strings.ToLower(text)
	typed = strings.ToLower(typed)
	if strings.HasPrefix(lower, typed) && lower != typed || len(typed) > 1 && strings.Contains(lower, typed) && strings.ContainsAny(text, "/.:") && lower != typed && !strings.HasSuffix(lower, ":") {
		c.Candidates = append(c.Candidates, Candidate{text, help})
	}
}

func (k Key) candidates(known Known) []string {
	switch k.Name {
	case "kind":
		values := []string{"repo.*", "discussion.*"}
		for _, kind := range event.Kinds() {
			values = append(values, string(kind))
		}
		return values
	case "repo":
		return slices.Compact(slices.Sorted(slices.Values(known.Repos)))
	case "target":
		return slices.Compact(slices.Sorted(slices.Values(known.Targets)))
	case "session":
		return slices.Compact(slices.Sorted(slices.Values(known.Sessions)))
	case "webhook":
		return slices.Compact(slices.Sorted(slices.Values(known.Webhooks)))
	case "status", "answer":
		return []string{"2xx", "4xx", "5xx", ">=400", "0"}
	case "latency":
		return []string{">100ms", ">1s", ">10s"}
	case "size":
		return []string{">10kb", ">1mb"}
	}
	return k.choices
}

// termStart finds where the term at the end of text begins. Inside quotes and
// in a jq expression there is none.
func termStart(text string) (int, bool) {
	start, inQuote := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inQuote && c == '\\':
			i++
		case c == '"':
			inQuote = !inQuote
		case !inQuote && c == ' ':
			start = i + 1
		case !inQuote && c == ':' && strings.EqualFold(strings.TrimPrefix(text[start:i], "-"), "jq"):
			return 0, false
		}
	}
	return start, !inQuote
}
