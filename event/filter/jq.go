package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/itchyny/gojq"
)

// Bounds of one evaluation, since jq has loops. They are looked at between its steps:
// one step, for example a sort of the whole body, is not interrupted.
const (
	jqTime   = 200 * time.Millisecond
	jqMemory = 64 << 20 // bytes that the process may grow by
	jqSlow   = time.Millisecond
)

// jq reads the expression: quoted, or up to the end of the filter.
func (l *lexer) jq() (term, *Error) {
	start := l.i
	var source string
	if !l.done() && (l.s[l.i] == '"' || l.s[l.i] == '\'') {
		text, err := l.quoted()
		if err != nil {
			return term{}, err
		}
		source, start = text, start+1
	} else {
		source, l.i = l.s[l.i:], len(l.s)
	}
	if strings.TrimSpace(source) == "" {
		return term{}, wrong(start, "an expression, like jq:.body.discussion.num > 3", "jq has no expression")
	}
	code, offset, err := compileJQ(source)
	if err != nil {
		return term{}, wrong(start+offset, "a jq expression", "%v", err)
	}
	report := l.report
	return term{Condition: Condition{Key: "jq", Values: []string{source}, Plain: []bool{true}}, whole: func(e *event.Event) bool { return jqTrue(code, e, report) }}, nil
}

// compileJQ reads an expression, and says where in it an error is.
func compileJQ(source string) (code *gojq.Code, offset int, err error) {
	query, err := gojq.Parse(source)
	if err != nil {
		var at *gojq.ParseError
		if errors.As(err, &at) {
			offset = max(at.Offset-len(at.Token), 0)
		}
		return nil, offset, err
	}
	bound(reflect.ValueOf(query))
	code, err = gojq.Compile(query, gojq.WithEnvironLoader(func() []string { return nil }), gojq.WithFunction(productName, 2, 2, product),
		gojq.WithFunction(boundedMatches, 3, 3, matches), gojq.WithFunction(boundedDigits, 0, 0, digits))
	return code, 0, err
}

// jqReport is what a filter's expression could not decide. An event that it could not
// decide does not fit.
type jqReport struct {
	cut    atomic.Int64           // it took too long or too much memory
	failed atomic.Int64           // it failed
	first  atomic.Pointer[string] // why it failed first
}

// jqTrue reports whether an expression's first result is neither null nor false. An
// error means false, and so does an expression that takes too long, which is counted.
func jqTrue(code *gojq.Code, e *event.Event, report *jqReport) bool {
	text, err := e.JSONLine(event.LineEvent)
	if err != nil {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var input any
	if err := dec.Decode(&input); err != nil {
		return false
	}
	result, ok := jqFirst(code, shortNumbers(input), report)
	return ok && result != nil && result != false
}

func jqFirst(code *gojq.Code, input any, report *jqReport) (result any, ok bool) {
	// gojq panics on some expressions that its authors did not think of; a
	// filter that fits nothing is better than an interface that is gone.
	defer func() {
		if r := recover(); r != nil {
			result, ok = nil, false
		}
	}()
	b := newBudget()
	result, ok = code.RunWithContext(b, input).Next()
	if err, failed := result.(error); failed {
		if b.spent.Load() || errors.Is(err, errTooLarge) {
			report.cut.Add(1)
		} else {
			why := err.Error()
			report.first.CompareAndSwap(nil, &why)
			report.failed.Add(1)
		}
		return nil, false
	}
	return result, ok
}

// budget is a context that ends when an evaluation has used up its time or memory. It
// checks both in Done, which gojq calls before each step. A timer would be too late: a
// program that doubles a value at each step fills any memory in forty steps.
type budget struct {
	context.Context
	began, last time.Time
	heap        uint64
	spent       atomic.Bool
	done        chan struct{}
	open        chan struct{}
}

func newBudget() *budget {
	now := time.Now()
	done := make(chan struct{})
	close(done)
	return &budget{Context: context.Background(), began: now, last: now, heap: heapBytes(), done: done}
}

// Done returns a closed channel once the budget is spent.
func (b *budget) Done() <-chan struct{} {
	now := time.Now()
	step := now.Sub(b.last)
	b.last = now
	if now.Sub(b.began) > jqTime || step > jqSlow && heapBytes() > b.heap+jqMemory {
		b.spent.Store(true)
	}
	if b.spent.Load() {
		return b.done
	}
	return b.open
}

// Err says what the budget was.
func (b *budget) Err() error {
	if !b.spent.Load() {
		return nil
	}
	return fmt.Errorf("the jq expression took more than %s or %d MiB", jqTime, jqMemory>>20)
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
