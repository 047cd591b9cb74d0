package cli

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// helpWidth is how wide texts are set, in columns.
const helpWidth = 80

var (
	mdLink = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)
	mdBold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// plainText sets a part of our documentation for a terminal: the Markdown that docs/
// uses, in lines of at most helpWidth columns where words allow it.
func plainText(markdown string) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			text := strings.Join(paragraph, " ")
			first, rest := "", ""
			if strings.HasPrefix(text, "- ") || len(text) > 3 && text[1:3] == ". " {
				rest = strings.Repeat(" ", strings.Index(text, " ")+1)
			}
			b.WriteString(wrapped(inline(text), first, rest))
			paragraph = nil
		}
	}
	fenced := false
	var table [][]string
	endTable := func() {
		b.WriteString(tableText(table))
		table = nil
	}
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\n")
		if table != nil && !strings.HasPrefix(line, "|") {
			endTable()
		}
		switch {
		case strings.HasPrefix(line, "```"):
			flush()
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			flush()
			b.WriteString("    " + strings.TrimPrefix(line, "    ") + "\n")
		case strings.HasPrefix(line, "#"):
			flush()
			b.WriteString(strings.ToUpper(strings.TrimLeft(line, "# ")) + "\n")
		case strings.HasPrefix(line, "|"):
			flush()
			table = append(table, cells(line))
		case strings.TrimSpace(line) == "":
			flush()
			b.WriteString("\n")
		default:
			if strings.HasPrefix(line, "- ") || len(line) > 3 && line[1:3] == ". " {
				flush()
			}
			paragraph = append(paragraph, strings.TrimSpace(line))
		}
	}
	flush()
	endTable()
	return strings.Trim(b.String(), "\n") + "\n"
}

// inline takes the marks out of a text. A link to another page keeps its address: the
// page has more.
func inline(text string) string {
	text = mdLink.ReplaceAllStringFunc(text, func(link string) string {
		m := mdLink.FindStringSubmatch(link)
		if page, _, _ := strings.Cut(m[2], "#"); strings.HasSuffix(page, ".md") && !strings.Contains(m[1], page) {
			return m[1] + " (docs/" + page + ")"
		}
		return m[1]
	})
	text = mdBold.ReplaceAllString(text, "$1")
	return strings.ReplaceAll(text, "`", "")
}

// cells are the cells of a row of a table. A bar in one is written \|.
func cells(row string) []string {
	row = strings.ReplaceAll(strings.Trim(strings.TrimSpace(row), "|"), `\|`, "\x00")
	all := strings.Split(row, "|")
	for i, cell := range all {
		all[i] = strings.ReplaceAll(inline(strings.TrimSpace(cell)), "\x00", "|")
	}
	return all
}

// tableText sets a table as a list: the first cell of a row, and beside or below it the
// others. From the third column on, a cell has its heading in front.
func tableText(table [][]string) string {
	if len(table) < 3 {
		return ""
	}
	rows := table[2:]
	const widest = 16
	width := 0
	for _, row := range rows {
		if n := utf8.RuneCountInString(row[0]); n <= widest {
			width = max(width, n)
		}
	}
	indent := strings.Repeat(" ", 2+width+3)
	var b strings.Builder
	for _, row := range rows {
		var texts []string
		for i, cell := range row[1:] {
			if i > 0 && cell != "" && i+1 < len(table[0]) {
				cell = table[0][i+1] + ": " + cell
			}
			if cell != "" {
				texts = append(texts, cell)
			}
		}
		first := "  " + row[0]
		if n := utf8.RuneCountInString(row[0]); n <= width {
			first += strings.Repeat(" ", width-n+3)
		} else {
			b.WriteString(wrapped(row[0], "  ", "  "))
			first = indent
		}
		b.WriteString(wrapped(strings.Join(texts, "; "), first, indent))
	}
	return b.String()
}

// wrapped breaks a text at blanks. The first line begins with first, the others with rest.
func wrapped(text, first, rest string) string {
	var b strings.Builder
	line, empty := first, true
	for _, word := range strings.Fields(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > helpWidth {
			b.WriteString(line + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}
