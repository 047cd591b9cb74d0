package filter

import (
	"fmt"
	"runtime"
	"strings"
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

// gojq looks at the time only between two steps, and each of these is one.
func TestNoSingleStepTakesLong(t *testing.T) {
	repeated := strings.Repeat("a", 1<<18)
	digits := strings.Repeat("9", 1<<18)
	e := &event.Event{N: 13, Body: []byte(`{"s":"` + repeated + `","d":"` + digits + `","n":` + digits + `,"a":[{"n":-` + digits + `}]}`)}
	for _, expression := range []string{
		`[.body.s|match("";"g")]|length>1`, `[.body.s|scan("a")]|length>1`, `[.body.s|splits("a")]|length>1`, `.body.s|split("a";null)|length>1`, `.body.s|gsub("a";"b")|length>1`,
		`.body.s|gsub("A";"b";"i")|length>1`, `.body.s|sub("(?<x>a)";.x;"g")|length>1`, `[.body.s|capture("(?<x>a)";"g")]|length>1`, `[.body.s|match(["a","g"])]|length>1`,
		`def f: [scan("a")]; .body.s|f|length>1`, `[.body|to_entries[]|.value|strings|scan("[a9]")]|length>1`, `.body.s|[match("a"+"";"g").offset]|length>1`,
		`.body.d|tonumber>1`, `.body.d|fromjson>1`, `[.body.d,.body.s]|map(tonumber? // 0)|add>1`,
	} {
		f, err := Parse("n:13 jq:" + expression)
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(e) {
			t.Errorf("%s fits", expression)
		}
		if n := f.JQCutOff(); n != 1 && !strings.Contains(expression, "?") {
			t.Errorf("%s was cut on %d events", expression, n)
		}
	}
	for _, expression := range []string{`.body.n>1e300`, `.body.a[0].n<0`, `.body.n*.body.n>1`, `[.body.s|scan("b")]|length==0`, `[.body.s|scan("^a")]|length==1`, `.body.s|test("a";"g")`, `[.body.s|match("a")]|length==1`} {
		f, err := Parse("n:13 jq:" + expression)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(e) || f.JQCutOff() != 0 {
			t.Errorf("%s does not fit", expression)
		}
	}
}

func TestCallsWithACheckInFrontAreWhatTheyAreInJQ(t *testing.T) {
	for _, expression := range []string{
		`[match("a";"g")]`, `[match(("a","b");("g",null))]`, `[match(["B","gi"])]`, `[scan("[ab]")]`, `[scan("(a)(b)?")]`, `[scan("A";"i")]`, `[splits("b")]`, `split("b";null)`, `split("b")`,
		`sub("a";"x")`, `sub("a";"x","y")`, `sub("(?<l>[ab])";.l+.l;"g")`, `gsub("a";"x")`, `gsub("A";"x";"i")`, `[capture("(?<l>[ab])";"g").l]`, `[.,"1"|tonumber?]`, `"[1,2]"|fromjson[1]`,
		`match("a").offset`, `[match("x"+"y","a";"g"+"i")]`, `[scan("x"|"a")]`, `[scan("a" as $x | $x)]`, `[scan(("a","b") // 1)]`, `gsub("a"+"b";"x"+"y")`, `[match("a";"g").string]|length`, `try match(1) catch .`, `try scan("(") catch .`, `[.[0:3]|scan("a")][0]`, `def f(x): [scan(x)]; f("a","b")`, `sub("\\(";"[")`, `gsub("\"";"'")`,
	} {
		query, err := gojq.Parse(`"abcab(\"" | ` + expression)
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
		if got := boundedResults(t, `"abcab(\"" | `+expression); fmt.Sprint(got) != fmt.Sprint(want) {
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
