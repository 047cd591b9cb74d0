package detail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/term"
)

const oddJSON = `{"z":12345678901234567890.10,"a":1e400,"a":[1,[2,{"b c":null}],"x\"\\",{}],"":true,"t":"line one\nline two","ü":"\u001b[31m"}`

func treeText(t *tree, w, h int) string {
	rows, _ := t.render(w, h, false, "")
	for i, r := range rows {
		rows[i] = strings.TrimRight(ansi.Strip(r), " ")
	}
	return strings.Join(rows, "\n")
}

func TestTheTreeShowsJSONAsItIsWritten(t *testing.T) {
	tr := newTree([]byte(oddJSON))
	want := `  z: 12345678901234567890.10
  a: 1e400
▾ a:
    0: 1
  ▾ 1:
      0: 2
    ▾ 1:
        b c: null
    2: "x\"\\"
    3: {}
  "": true
  t: "line one\nline two"
  ü: "\u001b[31m"`
	if got := treeText(tr, 60, 40); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNodesHavePathsThatJQReads(t *testing.T) {
	tr := newTree([]byte(oddJSON))
	var paths []string
	for _, l := range tr.lines {
		paths = append(paths, tr.path(l.node))
	}
	want := `.z .a .a .a[0] .a[1] .a[1][0] .a[1][1] .a[1][1]["b c"] .a[2] .a[3] .[""] .t .["ü"]`
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	f, err := filter.Parse(`jq:.body.a[1][1]["b c"] == null`)
	if err != nil || !f.Match(&event.Event{Body: []byte(`{"a":[1,[2,{"b c":null}]]}`)}) {
		t.Errorf("jq does not read the path: %v", err)
	}
}

func TestFoldsOpenAndClose(t *testing.T) {
	tr := newTree([]byte(`{"a":{"b":{"c":1}},"d":[{"e":2},{"f":3}],"g":"long\ntext"}`))
	shows := func(want string) {
		t.Helper()
		if got := treeText(tr, 50, 30); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	tr.toggleLevel() // something is open: all of the level close
	shows("▸ a: {\"b\":{\"c\":1}}\n▸ d: [{\"e\":2},{\"f\":3}]\n  g: \"long\\ntext\"")
	tr.unfold()
	tr.unfold() // goes in
	if tr.path(tr.selected()) != ".a.b" {
		t.Errorf("unfolding twice went to %s", tr.path(tr.selected()))
	}
	tr.fold()
	tr.fold() // goes out
	tr.fold()
	shows("▸ a: {\"b\":{\"c\":1}}\n▸ d: [{\"e\":2},{\"f\":3}]\n  g: \"long\\ntext\"")
	tr.toggleAll()
	shows("▾ a:\n  ▾ b:\n      c: 1\n▾ d:\n  ▾ 0:\n      e: 2\n  ▾ 1:\n      f: 3\n  g: \"long\\ntext\"")
	tr.moveTo(place{line: 2})
	tr.toggleAll()
	if tr.path(tr.selected()) != ".a" {
		t.Errorf("what was selected is folded into %s", tr.path(tr.selected()))
	}
	tr.moveTo(place{line: 2})
	tr.toggle() // a string opens, too
	shows("▸ a: {\"b\":{\"c\":1}}\n▸ d: [{\"e\":2},{\"f\":3}]\n  g: 10 bytes\n  │ long\n  │ text")
}

func TestSearchFindsKeysAndValuesThatAreFoldedAway(t *testing.T) {
	tr := newTree([]byte(`{"a":{"deep":{"needle":1}},"b":["x","Needle \"quoted\"","y"],"c":{"needle":{"needle":2}}}`))
	tr.toggleAll() // closes
	var found []string
	for range 5 {
		if !tr.find("needle", false) {
			t.Fatal("not found")
		}
		found = append(found, tr.path(tr.selected()))
	}
	if got := strings.Join(found, " "); got != ".a.deep.needle .b[1] .c.needle .c.needle.needle .a.deep.needle" {
		t.Errorf("found %s", got)
	}
	tr.find("needle", true)
	if got := tr.path(tr.selected()); got != ".c.needle.needle" {
		t.Errorf("the one before is %s", got)
	}
	if !tr.find(`"quoted"`, false) || tr.path(tr.selected()) != ".b[1]" {
		t.Errorf("a phrase with quotation marks is found in %s", tr.path(tr.selected()))
	}
	tr = newTree([]byte(`["\"q\"",1,{"q":2}]`)) // as text and as a key: the next one counts
	tr.moveTo(place{line: 1})
	if tr.find(`"q"`, false); tr.path(tr.selected()) != ".[2].q" {
		t.Errorf("the next one is said to be %s", tr.path(tr.selected()))
	}
	tr.moveTo(place{line: 1})
	if tr.find(`"q"`, true); tr.path(tr.selected()) != ".[0]" {
		t.Errorf("the one before is said to be %s", tr.path(tr.selected()))
	}
	if tr.find("nowhere", false) {
		t.Error("found what is not there")
	}
}

func TestLongFoldsShowAPageAtATime(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"list":[`)
	for i := range 1300 {
		fmt.Fprintf(&b, "%d,", i)
	}
	b.WriteString(`"last"],"after":1}`)
	tr := newTree(b.Bytes())
	tr.moveTo(place{line: 0})
	if !tr.lines[0].node.open {
		tr.toggle()
	}
	if len(tr.lines) != pageKids+3 {
		t.Fatalf("%d lines", len(tr.lines))
	}
	tr.moveTo(place{line: pageKids + 1})
	if !tr.lines[tr.sel].more {
		t.Fatalf("no sign of more: %s", treeText(tr, 50, 3))
	}
	tr.toggle()
	if len(tr.lines) != 2*pageKids+3 || tr.path(tr.selected()) != ".list[500]" {
		t.Errorf("%d lines, at %s", len(tr.lines), tr.path(tr.selected()))
	}
	if !tr.find("last", false) || tr.path(tr.selected()) != ".list[1300]" {
		t.Errorf("the search reached %s", tr.path(tr.selected()))
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// FuzzTree opens, folds, searches and draws whatever is valid JSON.
func FuzzTree(f *testing.F) {
	for _, seed := range []string{oddJSON, `[]`, `"x"`, ` 1 `, `{"a":[[[[[[1]]]]]]}`, "[\"\u202e\u009b\",\"\\u0000\"]", `{"a":{"a":{"a":"a"}}}`, strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		f.Add([]byte(seed), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "a")
	}
	f.Fuzz(func(t *testing.T, body, ops []byte, phrase string) {
		if !json.Valid(body) {
			return
		}
		tr := newTree(body)
		for _, op := range ops[:min(len(ops), 60)] {
			switch op % 9 {
			case 0:
				tr.toggle()
			case 1:
				tr.unfold()
			case 2:
				tr.fold()
			case 3:
				tr.toggleLevel()
			case 4:
				tr.toggleAll()
			case 5:
				tr.find(phrase, op > 100)
			case 6:
				tr.move(int(op) - 100)
			case 7:
				tr = tr.clone()
			case 8:
				tr.moveTo(place{})
			}
			w, h := 4+int(op)%90, 1+int(op)%30
			rows, cursor := tr.render(w, h, true, "")
			if len(rows) > h || cursor < 0 || cursor >= max(len(rows), 1) {
				t.Fatalf("%d rows of %d, the cursor at %d", len(rows), h, cursor)
			}
			for _, r := range rows {
				if ansi.StringWidth(r) > w {
					t.Fatalf("a row in a window of %d: %q", w, r)
				}
				if text := sgr.ReplaceAllString(r, ""); term.Line(text) != text {
					t.Fatalf("%q is not safe", r)
				}
			}
			if path := tr.path(tr.selected()); !strings.HasPrefix(path, ".") {
				t.Fatalf("path %q", path)
			}
		}
	})
}

func TestABigPayloadTakesAtMostFourTimesItsMemory(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"updatedFiles":[`)
	for i := 0; b.Len() < 10<<20; i++ {
		fmt.Fprintf(&b, `{"path":"data/shard-%05d.parquet","action":"add","size":%d},`, i, i*1000)
	}
	b.WriteString(`null]}`)
	body := b.Bytes()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tr := newTree(bytes.Clone(body))
	tr.toggleAll()
	tr.toggleAll()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / float64(len(body)); held > 4 {
		t.Errorf("a tree that was opened as far as it goes takes %.1f times the body", held)
	}
	runtime.KeepAlive(tr)
}
