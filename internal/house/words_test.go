package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plainWords are phrases that readers of the documents stumbled over, and what to write
// instead.
var plainWords = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b[Ss]uch as\b`), "for example"},
	{regexp.MustCompile(`\b(it|that|this|which|[a-z]+[^e]) is no [a-z]+`), "is not a"},
	{regexp.MustCompile(`\b([Ww]hoever|[Ww]hosoever)\b`), "name them: users, people, programs"},
	{regexp.MustCompile(`\b[Tt]ells\b`), "says, shows"},
	{regexp.MustCompile(`\b[Ss]tands? (behind|in front)\b`), "the command after --, the text before"},
	{regexp.MustCompile(`\bso (many|long|often) (times|after|more)?\b`), "N times, after this time"},
	{regexp.MustCompile(`\bturns? (it|them) around\b`), "negates"},
	{regexp.MustCompile(`\bmend\b|\bmade good\b`), "repair"},
	{regexp.MustCompile(`\bopen TLS\b`), "intercept TLS"},
	{regexp.MustCompile(`\bstands? still\b`), "is no longer developed"},
	{regexp.MustCompile(`\b[Hh]eed(s|ed)?\b`), "follow, read"},
	{regexp.MustCompile(`\bmeanwhile\b.*\bmeanwhile\b`), "while"},
	{regexp.MustCompile(`, so\.`), "begin the sentence with the reason"},
	{regexp.MustCompile(`\bwhat it may\b`), "its permissions"},
	{regexp.MustCompile(`\blet(s)? go of\b`), "unpin, release"},
	{regexp.MustCompile(`\b(is|are) heard of\b|\bat hand\b`), "keep"},
	{regexp.MustCompile(`\b(that|which|where) (is|are) there\b|\bis there\b`), "exists, is set"},
}

// documents are the texts for users and contributors.
func documents(t *testing.T) []string {
	t.Helper()
	return files(t, func(file string) bool {
		return filepath.Ext(file) == ".md" && !strings.Contains(filepath.ToSlash(file), "testdata/")
	})
}

func TestDocumentsUsePlainWords(t *testing.T) {
	for _, file := range documents(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			for _, w := range plainWords {
				if found := w.pattern.FindString(line); found != "" && !strings.HasSuffix(found, " is no longer") {
					t.Errorf("%s:%d: %q: write %s", file, i+1, found, w.instead)
				}
			}
		}
	}
}

// sourceWords are the phrases that readers of comments, messages and help texts stumbled
// over, and what to write instead. They are stricter than plainWords.
var sourceWords = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\bsuch as\b`), "for example"},
	{regexp.MustCompile(`(?i)[\w"\])-]+ (is|are|was|were) no \w+`), "is not a"},
	{regexp.MustCompile(`(?i)\b(tells|told)\b`), "says, shows, reports; distinguishes for telling apart"},
	{regexp.MustCompile(`(?i)\b(whoever|whosoever|whomever)\b`), "name them: users, readers, programs"},
	{regexp.MustCompile(`(?i)[\w)"]+ (is|are|was|were) there\b`), "exists, is set"},
	{regexp.MustCompile(`(?i),? so([.;:]|$)`), "begin the sentence with the reason"},
	{regexp.MustCompile(`(?i)\bso (many|long|often) (times|after|more|seconds|bytes|events)\b`), "N times, after this time"},
	{regexp.MustCompile(`(?i)\b(stands?|stood|standing) (behind|in front|before|still)\b`), "the command after --, the text before, is no longer developed"},
	{regexp.MustCompile(`(?i)\b(mend(s|ed|ing)?|ma(d|k)es? good)\b`), "repair, deliver"},
	{regexp.MustCompile(`(?i)\bmeanwhile\b`), "while, or nothing"},
	{regexp.MustCompile(`(?i)\blet(s|ting)? go of\b`), "release, unpin"},
	{regexp.MustCompile(`(?i)\bat hand\b`), "available, known"},
	{regexp.MustCompile(`(?i)\bheed(s|ed|ing)?\b`), "follow, read"},
	{regexp.MustCompile(`(?i)\bwhat (it|they|he|she|one) may\b`), "its permissions"},
	{regexp.MustCompile(`(?i)\bturn(s|ed|ing)? (\w+ )?around\b`), "negates, reverses"},
	{regexp.MustCompile(`(?i)\bof now\b`), "current, present"},
	{regexp.MustCompile(`(?i)\bgiven wrong\b`), "invalid"},
	{regexp.MustCompile(`(?i)\bmade up\b`), "triggered, invented"},
	{regexp.MustCompile(`(?i)\bopen(s|ed|ing)? TLS\b`), "intercept TLS"},
	{regexp.MustCompile(`(?i)\b(is|are|was) heard of\b`), "keep"},
}

// riddle is a comment whose first words leave open what it is about.
var riddle = regexp.MustCompile(`^(Who|What|Whoever|Whatever|That which)\b`)

// stillPlain are the ends of found phrases that are plain all the same.
var stillPlain = regexp.MustCompile(`(?i)^there (is|are|was|were) no |\bno (longer|more|less|one|later|earlier|such)$|(^|\W)(who|what|which) (is|are) there$`)

// TestSourcesUsePlainWords checks the comments and string literals of all Go files
// except tests, which name the words.
func TestSourcesUsePlainWords(t *testing.T) {
	sources := files(t, func(file string) bool {
		return filepath.Ext(file) == ".go" && !strings.HasSuffix(file, "_test.go")
	})
	for _, file := range sources {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		check := func(at token.Pos, text string) {
			text = strings.Join(strings.Fields(text), " ")
			for _, w := range sourceWords {
				for _, found := range w.pattern.FindAllString(text, -1) {
					if !stillPlain.MatchString(found) {
						t.Errorf("%s: %q: write %s", fset.Position(at), found, w.instead)
					}
				}
			}
		}
		for _, group := range parsed.Comments {
			check(group.Pos(), group.Text())
			if found := riddle.FindString(group.Text()); found != "" {
				t.Errorf("%s: a comment begins with %q: say what the thing is", fset.Position(group.Pos()), found)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				check(lit.Pos(), text)
			}
			return true
		})
	}
}

var (
	aLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	aPicture = regexp.MustCompile(`(?:src|srcset)="([^"]+)"`)
	aHeading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	inCode   = regexp.MustCompile("(?s)```.*?```")
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor is the anchor that GitHub gives to a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
}

func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	anchors := map[string][]string{}
	texts := map[string]string{}
	for _, file := range documents(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = inCode.ReplaceAllString(string(b), "")
		for _, m := range aHeading.FindAllStringSubmatch(texts[file], -1) {
			anchors[file] = append(anchors[file], anchor(m[1]))
		}
	}
	links := 0
	for file, text := range texts {
		for _, m := range append(aLink.FindAllStringSubmatch(text, -1), aPicture.FindAllStringSubmatch(text, -1)...) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			to, part, _ := strings.Cut(m[1], "#")
			target := file
			if to != "" {
				target = filepath.Join(filepath.Dir(file), filepath.FromSlash(to))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s: %v", file, m[1], err)
			} else if part != "" && !slices.Contains(anchors[target], part) {
				t.Errorf("%s: the link %s: %s has no such heading", file, m[1], target)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links found: the search for them is broken", links)
	}
}
