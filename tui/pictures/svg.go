package main

import (
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// palette is the colours of a terminal that the interface uses, on a background.
type palette struct {
	back, text, faint, frame string
	colours                  map[int]string
}

// dark and light are the palettes of the pictures. Each colour has a contrast of at
// least 4.5 to 1 on its background.
func dark() palette {
	return palette{"#0d1117", "#d1d7e0", "#8b949e", "#30363d", map[int]string{
		31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd",
	}}
}

func light() palette {
	return palette{"#ffffff", "#1f2328", "#59636e", "#d1d9e0", map[int]string{
		31: "#b3202c", 32: "#116329", 33: "#7d4e00", 34: "#0550ae", 35: "#6639ba", 36: "#0b6470",
	}}
}

// look is how a piece of text looks.
type look struct {
	colour                          int
	bold, faint, reverse, underline bool
}

// The size of a cell in the picture, and the room around the screen.
const (
	cellWidth  = 8.4
	cellHeight = 18
	margin     = 14
)

// svg draws a screen. Each piece of text has a fixed width, because the font is the
// reader's.
func svg(screen string, width, height int, p palette, about string) string {
	var b strings.Builder
	w, h := float64(width)*cellWidth+2*margin, height*cellHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label=%q>`+"\n", w, h, w, h, about)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n", html.EscapeString(about))
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="%.0f" height="%d" rx="8" fill="%s" stroke="%s"/>`+"\n", w-1, h-1, p.back, p.frame)
	b.WriteString(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" xml:space="preserve">` + "\n")
	for y, row := range strings.Split(screen, "\n") {
		x := 0
		for _, piece := range pieces(row) {
			n := ansi.StringWidth(piece.text)
			piece.look.draw(&b, p, x, y, n, piece.text)
			x += n
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// draw draws a piece of text. Text after two spaces or more has a place of its own,
// which keeps columns aligned in every font.
func (l look) draw(b *strings.Builder, p palette, x, y, n int, text string) {
	fg := p.text
	if l.faint {
		fg = p.faint
	}
	if c, ok := p.colours[l.colour]; ok {
		fg = c
	}
	left := margin + float64(x)*cellWidth
	if l.reverse {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, margin+y*cellHeight, float64(n)*cellWidth, cellHeight, fg)
		fg = p.back
	}
	weight := ""
	if l.bold {
		weight = ` font-weight="bold"`
	}
	if l.underline {
		weight += ` text-decoration="underline"`
	}
	for text != "" {
		word := strings.TrimLeft(text, " ")
		left += float64(len(text)-len(word)) * cellWidth
		word, rest, more := strings.Cut(word, "  ")
		if more {
			rest = "  " + rest
		}
		room := float64(ansi.StringWidth(word)) * cellWidth
		// A blank at an end of a text is not drawn, and its room is taken from the rest.
		if word = strings.TrimRight(word, " "); word == "" {
			left, text = left+room, rest
			continue
		}
		text = rest
		wide := float64(ansi.StringWidth(word)) * cellWidth
		fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f" fill="%s"%s>%s</text>`+"\n",
			left, margin+y*cellHeight+cellHeight-5, wide, fg, weight, html.EscapeString(word))
		left += room
	}
}

// piece is text with one look.
type piece struct {
	text string
	look look
}

// pieces splits a row where its look changes, however that is written.
func pieces(row string) (out []piece) {
	var l look
	add := func(text string) {
		if n := len(out) - 1; n >= 0 && out[n].look == l {
			out[n].text += text
		} else if text != "" {
			out = append(out, piece{text, l})
		}
	}
	for row != "" {
		i := strings.Index(row, "\x1b[")
		if i < 0 {
			add(row)
			break
		}
		add(row[:i])
		parameters, rest, _ := strings.Cut(row[i+2:], "m")
		for p := range strings.SplitSeq(parameters, ";") {
			l = l.with(p)
		}
		row = rest
	}
	return out
}

// with returns the look after a parameter of a style.
func (l look) with(parameter string) look {
	n, _ := strconv.Atoi(parameter)
	switch {
	case n == 0:
		return look{}
	case n == 1:
		l.bold = true
	case n == 2:
		l.faint = true
	case n == 4:
		l.underline = true
	case n == 7:
		l.reverse = true
	case n == 22:
		l.bold, l.faint = false, false
	case n == 24:
		l.underline = false
	case n == 27:
		l.reverse = false
	case n == 39:
		l.colour = 0
	case n >= 30 && n <= 37:
		l.colour = n
	}
	return l
}
