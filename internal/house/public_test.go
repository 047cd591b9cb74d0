package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// publicPackages are the packages that other programs may import.
var publicPackages = []string{"hub", "event", "event/eventtest", "event/filter", "tunnel", "tunnel/*", "receiver", "webhooks", "webhooks/dev"}

// TestPublicPackagesHaveNoMutableVariable: what one importer changes would
// change for all. Errors to compare with are variables, as everywhere in Go.
func TestPublicPackagesHaveNoMutableVariable(t *testing.T) {
	for _, f := range publicFiles(t) {
		for _, name := range mutable(f.ast) {
			t.Errorf("%s: exported variable %s: make it a constant, or a function that returns a copy", f.at(name.Pos()), name.Name)
		}
	}
}

// TestErrorsOfPublicPackagesNameNoFlag: importers have other flags and commands
// than hf-tap has. Hints are in internal/cli/hint*.go.
func TestErrorsOfPublicPackagesNameNoFlag(t *testing.T) {
	for _, f := range publicFiles(t) {
		for _, text := range flagsInErrors(f.ast) {
			t.Errorf("%s: the error %s names a flag or a command: move that to a hint in internal/cli", f.at(text.Pos()), text.Value)
		}
	}
}

func TestTheRulesForPublicPackagesFindWhatIsWrong(t *testing.T) {
	const src = `package p
var A = []string{"a"}
var ErrB = errors.New("use --b")
var (
	C int
	ErrD error
	e = 1
)
const F = "--f"
var ErrG = fmt.Errorf("%w, run hf-tap listen", ErrB)
func h() error { return fmt.Errorf("no -- here, and hf-tap's file: %w", ErrB) }
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range mutable(f) {
		got = append(got, name.Name)
	}
	for _, text := range flagsInErrors(f) {
		got = append(got, text.Value)
	}
	if want := []string{"A", "C", "ErrD", `"use --b"`, `"%w, run hf-tap listen"`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func publicFiles(t *testing.T) (public []goFile) {
	t.Helper()
	for _, f := range goFiles(t) {
		if slices.ContainsFunc(publicPackages, func(pattern string) bool { return within(pattern, path.Dir(f.path)) }) && !strings.HasSuffix(f.path, "_test.go") {
			public = append(public, f)
		}
	}
	if len(public) < 50 {
		t.Fatalf("only %d files of public packages found", len(public))
	}
	return public
}

// mutable returns the exported variables of a file that are no errors made by
// errors.New or fmt.Errorf.
func mutable(f *ast.File) (names []*ast.Ident) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.ValueSpec)
			for i, name := range s.Names {
				isError := strings.HasPrefix(name.Name, "Err") && i < len(s.Values) && makesError(s.Values[i])
				if name.IsExported() && !isError {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func makesError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := fun.X.(*ast.Ident)
	return ok && (pkg.Name == "errors" && fun.Sel.Name == "New" || pkg.Name == "fmt" && fun.Sel.Name == "Errorf")
}

// flagOrCommand is a flag, or a command of hf-tap.
var flagOrCommand = regexp.MustCompile(`--[a-z]|\bhf-tap [a-z]`)

func flagsInErrors(f *ast.File) (texts []*ast.BasicLit) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !makesError(call) || len(call.Args) == 0 {
			return true
		}
		ast.Inspect(call.Args[0], func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && flagOrCommand.MatchString(text.Value) {
				texts = append(texts, text)
			}
			return true
		})
		return true
	})
	return texts
}
