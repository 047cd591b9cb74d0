package filter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// The functions that check, before a single step of gojq, that it does not take long:
// gojq looks for the end of its budget only between two steps.
const (
	boundedMatches = "_bounded_matches"
	boundedDigits  = "_bounded_digits"
)

// jqMatches bounds how many matches there may be, times the bytes of the text: gojq
// counts the characters in front of each.
const jqMatches = 1 << 26

// maxDigits are more digits than a number needs. gojq reads it with all of them, which
// takes 40 s for 3 MB.
const maxDigits = 1000

// boundCall puts a check in front of a call that could take long in one step.
func boundCall(t *gojq.Term) {
	if t.Func == nil {
		return
	}
	global, flags := "", 1 // which argument the flags are
	switch call := fmt.Sprintf("%s/%d", t.Func.Name, len(t.Func.Args)); call {
	case "tonumber/0", "fromjson/0":
		putInFront(t, boundedDigits, t.Func)
		return
	case "match/1", "match/2", "capture/1", "capture/2":
	case "scan/1", "scan/2", "splits/1", "splits/2", "split/2":
		global = "g"
	case "sub/2", "sub/3":
		flags = 2
	case "gsub/2", "gsub/3":
		global, flags = "g", 2
	default:
		return
	}
	// Each argument is evaluated once: it may have several results.
	const re, given = "$_bounded_re", "$_bounded_flags"
	call := &gojq.Func{Name: t.Func.Name, Args: slices.Clone(t.Func.Args)}
	call.Args[0] = variable(re)
	flagsAre := "null"
	if flags < len(t.Func.Args) {
		flagsAre, call.Args[flags] = t.Func.Args[flags].String(), variable(given)
	}
	putInFront(t, fmt.Sprintf("(%s) as %s | (%s) as %s | %s(%s; %s; %q)", t.Func.Args[0], re, flagsAre, given, boundedMatches, re, given, global), call)
}

func variable(name string) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name}}}
}

// putInFront makes of a term a pipe of a check and a call.
func putInFront(t *gojq.Term, check string, call *gojq.Func) {
	pipe, err := gojq.Parse(fmt.Sprintf("(%s | %s)", check, call))
	if err != nil { // which it is not: its parts are queries
		return
	}
	pipe.Term.SuffixList = append(pipe.Term.SuffixList, t.SuffixList...)
	*t = *pipe.Term
}

// matches returns its input, unless an expression matches in too many places of it.
// What is not a text and an expression is the business of the function behind it.
func matches(input any, args []any) any {
	if pair, ok := args[0].([]any); ok && len(pair) == 2 {
		args = []any{pair[0], pair[1], args[2]}
	}
	text, isText := input.(string)
	expression, isExpression := args[0].(string)
	flags, _ := args[1].(string)
	global, _ := args[2].(string)
	if flags += global; !isText || !isExpression || !strings.Contains(flags, "g") {
		return input
	}
	if strings.Contains(flags, "i") {
		expression = "(?i)" + expression
	}
	if strings.Contains(flags, "m") {
		expression = "(?s)" + expression
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return input
	}
	most := jqMatches / (len(text) + 1) / (re.NumSubexp() + 1)
	if len(text) > most && len(re.FindAllStringIndex(text, most+1)) > most {
		return errTooLarge
	}
	return input
}

// digits returns its input, unless that is a text with a number that is too long.
func digits(input any, _ []any) any {
	text, _ := input.(string)
	run := 0
	for i := range len(text) {
		if run++; text[i] < '0' || text[i] > '9' {
			run = 0
		}
		if run > maxDigits {
			return errTooLarge
		}
	}
	return input
}

// shortNumbers makes floats of numbers that are too long, as jq does of all numbers.
func shortNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = shortNumbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = shortNumbers(value)
		}
	case json.Number:
		if len(v) > maxDigits {
			n, _ := strconv.ParseFloat(string(v), 64) // an infinite one, with an error, if it is too large
			return n
		}
	}
	return v
}
