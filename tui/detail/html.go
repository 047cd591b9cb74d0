package detail

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

var blankLines = regexp.MustCompile(`\n\s*\n+`)

// htmlText returns the text of an HTML page, for example of a framework's error page.
// Often there is only a title.
func htmlText(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	hidden := false
	for {
		switch z.Next() {
		case html.ErrorToken: // the end
			return strings.TrimSpace(blankLines.ReplaceAllString(b.String(), "\n"))
		case html.TextToken:
			if !hidden {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			token := z.Token()
			hidden = token.Type == html.StartTagToken && (token.DataAtom == atom.Script || token.DataAtom == atom.Style)
			if breaksLine(token.DataAtom) {
				b.WriteByte('\n')
			}
			if token.DataAtom == atom.Noscript {
				z.NextIsNotRawText()
			}
		}
	}
}

// breaksLine reports whether an element begins and ends a line.
func breaksLine(element atom.Atom) bool {
	switch element {
	case atom.Title, atom.P, atom.Div, atom.Br, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Li, atom.Tr, atom.Table, atom.Pre, atom.Ul, atom.Ol, atom.Section, atom.Hr:
		return true
	}
	return false
}
