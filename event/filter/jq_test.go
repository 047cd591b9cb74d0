package filter

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/itchyny/gojq"
)

func TestAnExpressionCannotRepeatAStringBeyondItsMemory(t *testing.T) {
	e := &event.Event{N: 13, Body: []byte(`{"s":"aaaaaaaaaa"}`)}
	for _, expression := range []string{
		`("aaaaaaaaaa"*100000000)|length>1`,
		`(100000000*.body.s)|length>1`,
		`(.body.s*=100000000)|.body.s|length>1`,
		`def f: .*100000000; .body.s|f|length>1`,
		`.body.s as $s | [1,2] | map($s*(100000000+.)) | length>1`,
		`. as $e | "\(.body.s*100000000)"|length>1`,
		`last(repeat(1))`,
	} {
		f, err := Parse("n:13 jq:" + expression)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if f.Match(e) {
			t.Errorf("%s fits", expression)
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 256 && expression != "last(repeat(1))" {
			t.Errorf("%s took %d MiB", expression, got)
		}
		if f.JQCutOff() != 1 {
			t.Errorf("%s was cut on %d events", expression, f.JQCutOff())
		}
	}
}

func TestProductsAreWhatTheyAreInJQ(t *testing.T) {
	for _, expression := range []string{
		`[(1,2)*(10,20)]`, `[(1,2) as $x | $x*3*4]`, `2*3+4*5`, `{"a":{"b":1}}*{"a":{"c":2}}`, `"ab"*3`, `3*"ab"`, `"ab"*0`, `"ab"*-1`, `"ab"*nan`, `null*2`, `[1]*2`,
		`99999999999999999999*99999999999999999999`, `1.5*2`, `{"a":2}|.a*=3`, `[1,2,3]|.[]*=2`, `[{"a":2,"b":3}|.a*=(.b,4)]`, `def f(x): x*2; f(3*2)`, `"\(2*3)"`, `[limit(3;1*range(9))]`, `.a*2`, `try ({}*1) catch .`,
		`reduce (1,2,3) as $x (1; .*$x)`, `{(("a"*2)): (2*2)}`, `[.[]?*2]`, `if 2*2==4 then 1*1 else 2 end`, `-2*3`, `1|.*2 as $x|$x*2`,
	} {
		query, err := gojq.Parse(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		var want []string
		for i := query.Run(nil); ; {
			v, ok := i.Next()
			if !ok {
				break
			}
			want = append(want, fmt.Sprintf("%T %v", v, v))
		}
		got := boundedResults(t, expression)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s gives %v, want %v", expression, got, want)
		}
	}
}

func boundedResults(t *testing.T, expression string) (all []string) {
	t.Helper()
	code, _, err := compileJQ(expression)
	if err != nil {
		t.Fatal(err)
	}
	for i := code.Run(nil); ; {
		v, ok := i.Next()
		if !ok {
			return all
		}
		all = append(all, fmt.Sprintf("%T %v", v, v))
	}
}
