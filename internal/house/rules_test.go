package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tests of this file read the sources and keep the rules that
// CONTRIBUTING.md states.

const module = "github.com/hf-tap/hf-tap"

// layers says which of our packages each package may import: stages never
// import each other. A package that does not stand here has no place yet. A name
// with "*" stands for all folders in a folder.
var layers = map[string][]string{
	".":                             {"internal/cli", "internal/process"},
	"hub":                           {"internal/loopback", "internal/neterror"},
	"event":                         {"hub", "internal/headers"},
	"event/eventtest":               {"event", "hub"},
	"event/filter":                  {"event", "hub", "internal/nearest"},
	"webhooks":                      {"event", "hub", "internal/loopback"},
	"webhooks/dev":                  {"event", "hub", "receiver", "tui", "tunnel", "tunnel/*", "webhooks", "internal/headers", "internal/hint", "internal/lines", "internal/listen", "internal/network", "internal/present", "internal/session", "internal/term"},
	"webhooks/dev/testdata/program": {"webhooks", "webhooks/dev"},
	"tunnel":                        {"internal/clock", "internal/loopback", "internal/neterror"},
	// The providers, which do not import each other.
	"tunnel/*":                 {"tunnel", "tunnel/internal/announce", "internal/frpwire", "internal/loopback", "internal/neterror", "internal/network", "internal/plainfile", "internal/process"},
	"tunnel/internal/announce": {},

	"docs":                    {},
	"examples":                {},
	"examples/hubapi":         {},
	"examples/retrain":        {"examples/hubapi", "webhooks"},
	"examples/discussionbot":  {"examples/hubapi", "webhooks"},
	"examples/metadatareview": {"examples/hubapi", "webhooks"},

	"internal/testserver/ngrok":       {},
	"internal/testserver/ssh":         {"internal/testserver/porttest"},
	"internal/testserver/cloudflared": {},
	"internal/testserver/edge":        {},
	"internal/testserver/frp":         {"internal/frpwire", "internal/testserver/porttest"},
	"internal/testserver/frps":        {"tunnel", "tunnel/gradio"},
	"internal/testserver/peertest":    {},
	"internal/testserver/porttest":    {},
	"internal/testserver/tunneltest":  {"tunnel", "internal/testserver/edge"},

	"receiver":             {"event", "event/filter", "hub", "internal/headers", "internal/loopback", "internal/network"},
	"tui":                  {"event", "event/filter", "hub", "internal/advice", "internal/present", "internal/term", "tui/detail", "tui/input", "tui/line", "tui/list"},
	"tui/list":             {"event", "event/filter", "tui/line"},
	"tui/detail":           {"event", "internal/advice", "internal/diff", "internal/jsontext", "internal/present", "internal/term", "tui/line"},
	"tui/input":            {"event/filter", "tui/line"},
	"tui/line":             {"event", "internal/present", "internal/term"},
	"tui/pictures":         {"event", "hub", "internal/term", "tui"},
	"internal/history":     {"event", "event/filter", "hub", "internal/sqlitepages"},
	"internal/sqlitepages": {},
	"internal/session":     {"event", "event/filter", "hub", "tunnel", "tunnel/*", "internal/loopback", "receiver", "internal/advice", "internal/history", "internal/sandbox", "internal/term", "internal/network", "internal/app", "internal/headers", "internal/plainfile", "internal/present"},
	"internal/check":       {"event", "hub", "receiver", "internal/advice", "internal/nearest", "internal/neterror", "internal/present", "internal/sandbox"},
	"internal/doctor":      {"event", "hub", "receiver", "tunnel", "internal/advice", "internal/hint", "internal/history", "internal/network", "internal/present", "internal/session"},
	"internal/mcp":         {"event", "event/filter", "hub", "receiver", "tunnel/local", "internal/advice", "internal/check", "internal/diff", "internal/doctor", "internal/hint", "internal/history", "internal/jsonedit", "internal/lines", "internal/listen", "internal/loopback", "internal/nearest", "internal/present", "internal/session", "internal/term"},
	"internal/hint":        {"hub", "tunnel", "tunnel/*", "internal/history", "internal/network", "internal/plainfile", "internal/session"},
	"internal/diff":        {"event", "internal/jsontext", "internal/present"},
	"internal/jsontext":    {},
	"internal/present":     {"event", "internal/term"},
	"internal/lines":       {"event", "internal/present", "internal/term"},
	"internal/listen":      {"event", "event/filter", "hub", "receiver", "tui", "internal/hint", "internal/history", "internal/lines", "internal/loopback", "internal/present", "internal/sandbox", "internal/session", "internal/term"},
	"internal/sandbox":     {"event", "hub", "internal/loopback"},
	"internal/advice":      {"event"},
	"internal/term":        {},
	"internal/nearest":     {},
	"internal/jsonedit":    {"internal/nearest"},
	"internal/network":     {"internal/loopback", "internal/neterror"},
	"internal/neterror":    {},
	"internal/app":         {"internal/process"},
	"internal/process":     {},
	"internal/exectarget":  {"event", "receiver", "internal/app"},
	"internal/jobspec":     {"internal/nearest"},
	"internal/config":      {"event", "event/filter", "hub", "receiver", "tunnel", "internal/exectarget", "internal/nearest", "internal/network", "internal/session"},
	"internal/loopback":    {},
	"internal/clock":       {},
	"internal/plainfile":   {},
	"internal/headers":     {},
	"internal/frpwire":     {},

	"internal/house":          {},
	"internal/house/promises": {},

	"internal/cli": {
		"docs",
		"event", "event/filter", "hub", "tunnel", "tunnel/*", "receiver", "tui",
		"internal/advice", "internal/app", "internal/check", "internal/config", "internal/diff", "internal/doctor", "internal/exectarget", "internal/headers", "internal/hint", "internal/history", "internal/jobspec", "internal/jsonedit", "internal/lines", "internal/listen", "internal/loopback", "internal/mcp", "internal/nearest", "internal/network", "internal/present", "internal/sandbox", "internal/session", "internal/term",
	},
}

// layeringFault says what is wrong with an import, "" if nothing is. Both are
// named by their folders.
func layeringFault(from, to string) string {
	may, known := layers[from]
	for pattern := range layers {
		if !known && within(pattern, from) {
			may, known = layers[pattern], true
		}
	}
	switch {
	case !known:
		return fmt.Sprintf("package %s has no place in the layers: add it to the table in internal/house/rules_test.go and to the one in CONTRIBUTING.md", from)
	case to != "" && !slices.ContainsFunc(may, func(pattern string) bool { return within(pattern, to) }):
		return fmt.Sprintf("%s imports %s and may import of ours only %q: pass what it needs as a value or a small interface, or move the code", from, to, may)
	}
	return ""
}

// within reports whether a package is the one, or one of those, of the table.
func within(pattern, folder string) bool {
	fits, err := path.Match(pattern, folder)
	return err == nil && fits
}

func TestStagesNeverImportEachOther(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		from := path.Dir(f.path)
		if fault := layeringFault(from, ""); fault != "" {
			t.Errorf("%s: %s", f.path, fault)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if fault := layeringFault(from, to); fault != "" {
				t.Errorf("%s: %s", f.at(spec.Pos()), fault)
			}
		}
	}
}

func TestTheLayeringRuleKnowsRightFromWrong(t *testing.T) {
	for _, c := range []struct {
		from, to string
		fine     bool
	}{
		{"receiver", "event", true},
		{"receiver", "tunnel", false},
		{"tunnel", "event", false},
		{"tunnel", "tunnel/ngrok", false},
		{"tunnel/ngrok", "tunnel", true},
		{"tunnel/ngrok", "tunnel/ssh", false},
		{"internal/session", "tunnel/ngrok", true},
		{"event", "internal/term", false},
		{"internal/session", "internal/history", true},
		{"internal/session", "internal/cli", false},
		{"internal/session", "tui", false},
		{"internal/listen", "tui", true},
		{"internal/listen", "internal/cli", false},
		{"internal/lines", "internal/session", false},
		{"internal/doctor", "internal/cli", false},
		{"tui/list", "tui/line", true},
		{"tui/list", "tui/detail", false},
		{"tui/line", "tui", false},
		{".", "hub", false},
		{"internal/cli", "tui", true},
		{"internal/utils", "", false},
	} {
		if fault := layeringFault(c.from, c.to); (fault == "") != c.fine {
			t.Errorf("%s → %s: %q", c.from, c.to, fault)
		}
	}
}

func TestEveryExportedNameHasADocComment(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		if f.ast.Name.Name == "main" {
			continue // nobody imports it
		}
		for _, name := range undocumented(f.ast) {
			t.Errorf("%s: exported %s has no doc comment: say what it is, its units and its errors", f.at(name.Pos()), name.Name)
		}
	}
}

func TestTheDocRuleFindsWhatIsMissing(t *testing.T) {
	const src = `package p
// A is documented.
type A struct{}
type B struct{}
func (A) Loose() {}
func (a *A) pinned() {}
func (*c) Hidden() {}
type c struct{}
// Group of them.
const (
	D = 1
	E = 2
)
const (
	F = 1 // said beside it
	G = 2
)
// I asks.
type I interface {
	// Said is said.
	Said()
	Unsaid()
}
var H int
func J() {}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range undocumented(f) {
		got = append(got, name.Name)
	}
	if want := []string{"B", "Loose", "G", "Unsaid", "H", "J"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestADocCommentBeginsWithItsName: a comment that begins with another name is
// left over from before a rename.
func TestADocCommentBeginsWithItsName(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") || f.ast.Name.Name == "main" {
			continue
		}
		for _, name := range misnamed(f.ast) {
			t.Errorf("%s: the comment of %s does not begin with that name", f.at(name.Pos()), name.Name)
		}
	}
}

func TestTheRuleForNamesInCommentsFindsWhatIsWrong(t *testing.T) {
	const src = `package p
// A is right.
type A struct{}
// It is wrong.
type B struct{}
// C's is right.
func (A) C() {}
// isD was renamed.
func D() {}
// they are a group.
const (
	E = 1
)
// F: it is right.
var F = 1
// G_ is wrong.
var G = 1
// nobody sees it.
func h() {}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range misnamed(f) {
		got = append(got, name.Name)
	}
	if want := []string{"B", "D", "G"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

var firstWord = regexp.MustCompile(`^\w*`)

// misnamed returns the exported names of a file whose own comment begins with
// another word. The comment of a group is about all of its names.
func misnamed(f *ast.File) (names []*ast.Ident) {
	check := func(name *ast.Ident, doc *ast.CommentGroup) {
		if name.IsExported() && doc != nil && firstWord.FindString(doc.Text()) != name.Name {
			names = append(names, name)
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			check(d.Name, d.Doc)
		case *ast.GenDecl:
			if d.Lparen.IsValid() || len(d.Specs) != 1 {
				continue
			}
			switch s := d.Specs[0].(type) {
			case *ast.TypeSpec:
				check(s.Name, d.Doc)
			case *ast.ValueSpec:
				check(s.Names[0], d.Doc)
			}
		}
	}
	return names
}

// undocumented returns the exported names of a file that have no comment: their
// own, one on the same line, or that of the group they stand in. Methods count
// if their type is exported.
func undocumented(f *ast.File) (bare []*ast.Ident) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && receiverExported(d.Recv) {
				bare = append(bare, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				bare = append(bare, undocumentedIn(spec, d.Doc != nil)...)
			}
		}
	}
	return bare
}

func undocumentedIn(spec ast.Spec, group bool) (bare []*ast.Ident) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if s.Doc == nil && s.Comment == nil && !group {
			bare = append(bare, s.Name)
		}
		if i, ok := s.Type.(*ast.InterfaceType); ok {
			for _, method := range i.Methods.List {
				if len(method.Names) > 0 && method.Names[0].IsExported() && method.Doc == nil && method.Comment == nil {
					bare = append(bare, method.Names[0])
				}
			}
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && s.Doc == nil && s.Comment == nil && !group {
				bare = append(bare, name)
			}
		}
	}
	return bare
}

func receiverExported(recv *ast.FieldList) bool {
	if recv == nil {
		return true
	}
	typ := recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr: // of a generic type
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// forbidden are texts that no file may hold, in which files, and what to do
// about them. The patterns are put together so that this file does not hold
// what it forbids.
var forbidden = []struct {
	pattern *regexp.Regexp
	in      func(file string) bool
	instead string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`), anyFile, "do it now, or leave it out and say so in CHANGELOG.md"},
	{regexp.MustCompile(`\btime\.Sl` + `eep\(`), isTest, "wait for what the test is about: a channel, a line of output, testing/synctest"},
	// Nothing is there to be fetched: the address is the module's name only.
	{regexp.MustCompile(`(https?://|git@|go install |go get |git clone )\S*github\.com[/:]hf-tap`), anyFile, "say how to build from the checkout"},
}

func anyFile(string) bool     { return true }
func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }
func isGoFile(file string) bool {
	return strings.HasSuffix(file, ".go") && !strings.Contains(filepath.ToSlash(file), "testdata/")
}

func TestNoFileHoldsWhatTheHouseForbids(t *testing.T) {
	for _, file := range files(t, anyFile) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range forbidden {
			if !f.in(file) {
				continue
			}
			for _, at := range f.pattern.FindAllIndex(b, -1) {
				line := 1 + strings.Count(string(b[:at[0]]), "\n")
				t.Errorf("%s:%d: %q: %s", file, line, b[at[0]:at[1]], f.instead)
			}
		}
	}
}

// goFile is a parsed source file.
type goFile struct {
	path string // from the repository's root, with slashes
	ast  *ast.File
	set  *token.FileSet
}

func (f goFile) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.set.Position(pos).Line)
}

// goFiles parses all Go files, those for other platforms too.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var parsed []goFile
	for _, file := range files(t, isGoFile) {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, goFile{filepath.ToSlash(file), f, set})
	}
	if len(parsed) < 50 {
		t.Fatalf("only %d Go files found: the walk is broken", len(parsed))
	}
	return parsed
}

// notOurs are folders with files that nobody wrote: git's and a release's.
var notOurs = []string{".git", ".completions", "dist"}

// files returns the repository's files that fit, by their paths from its root.
func files(t *testing.T, fit func(string) bool) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(notOurs, d.Name()):
			return filepath.SkipDir
		case d.Type().IsRegular() && fit(file) && !isBinary(file):
			found = append(found, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isBinary reports whether a file was left in the folder by a build or a profile.
func isBinary(file string) bool {
	switch filepath.Ext(file) {
	case ".exe", ".test", ".prof", ".png":
		return true
	}
	return filepath.Base(file) == "hf-tap"
}

// Each package that has a place in the layers has a row in CONTRIBUTING.md, and the
// other way round.
func TestThePackagesInTheDocumentAreThoseOfTheLayers(t *testing.T) {
	b, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "\n## Packages\n")
	var rows []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			rows = append(rows, strings.TrimSuffix(m[1], "…"))
		}
	}
	describes := func(row, folder string) bool {
		return row == folder || strings.HasSuffix(row, "/") && strings.HasPrefix(folder, row) || folder == "." && row == "main.go"
	}
	for folder := range layers {
		if strings.Contains(folder, "*") {
			continue
		}
		if !slices.ContainsFunc(rows, func(row string) bool { return describes(row, folder) }) {
			t.Errorf("CONTRIBUTING.md has no row for %s", folder)
		}
	}
	for _, row := range rows {
		if _, err := os.Stat(row); err != nil {
			t.Errorf("CONTRIBUTING.md has a row for %s: %v", row, err)
		}
	}
}
