package tui

import (
	"github.com/hf-tap/hf-tap/tui/line"
)

// rect is a part of the screen.
type rect struct{ x, y, w, h int }

func (r rect) contains(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// layout is where the parts of the screen are. A part without height is not shown.
type layout struct {
	header rect
	filter rect // the line of the filter
	names  rect // the names of the list's columns
	list   rect
	rule   rect // between the list and the event, which are side by side or one below the other
	tabs   rect
	detail rect
	app    rect
	menu   rect
	foot   rect
}

// Below this size the window shows one line.
const (
	minWidth  = 20
	minHeight = 5
)

// From these sizes on the list and an event are shown at once.
const (
	bothWidth  = 80
	bothHeight = 28
	sideWidth  = 150
)

// wholeList is the zoom from which on the list is alone on the screen, while it has the
// focus. From as much below zero on the event or the app's output is.
const wholeList = 2

func (m *model) layout() layout {
	w, h := m.w, m.h
	var l layout
	if w < minWidth || h < minHeight {
		l.foot = rect{0, 0, w, min(h, 1)}
		return l
	}
	footer := 1
	if m.prompt != nil {
		footer = 2
	} else if m.longNote() {
		footer = len(m.noteLines())
	}
	l.foot = rect{0, h - footer, w, footer}
	bottom := h - footer
	if m.menu != nil {
		n := min(m.menu.height(h), bottom-1)
		l.menu = rect{0, bottom - n, w, n}
		bottom -= n
	}
	top := 0
	next := func(n int) rect { // the next n lines
		n = max(min(n, bottom-top), 0)
		r := rect{0, top, w, n}
		top += n
		return r
	}
	l.header = next(len(m.headerLines()))
	if !m.list.Filter().Empty() && bottom-top > 2 {
		l.filter = next(1)
	}
	m.placeBody(&l, rect{0, top, w, max(bottom-top, 0)})
	return l
}

// placeBody places the list, and what is shown beside or below it.
func (m *model) placeBody(l *layout, body rect) {
	w := body.w
	switch {
	case m.zoom >= wholeList && m.focus == paneList:
		l.placeList(body)
	case m.zoom <= -wholeList && m.focus != paneList:
		m.placeSecond(l, body)
	case w >= sideWidth && body.h >= 8:
		left := min((w-1)*6/10, 130)
		switch {
		case m.zoom < 0:
			left = (w - 1) * 3 / 10
		case m.zoom > 0:
			left = (w - 1) * 8 / 10
		}
		l.placeList(rect{0, body.y, left, body.h})
		l.rule = rect{left, body.y, 3, body.h}
		m.placeSecond(l, rect{left + 3, body.y, w - left - 3, body.h})
	case w >= bothWidth && m.h >= bothHeight && body.h >= 16:
		n := min(body.h*2/5, max(m.list.Shown()+1, 7)) // a few events leave room for the one that is open
		switch {
		case m.zoom < 0:
			n = min(n, body.h/4)
		case m.zoom > 0:
			n = body.h * 3 / 4
		}
		l.placeList(rect{0, body.y, w, n})
		l.rule = rect{0, body.y + n, w, 1}
		m.placeSecond(l, rect{0, body.y + n + 1, w, body.h - n - 1})
	case m.focus == paneList:
		l.placeList(body)
	default:
		m.placeSecond(l, body)
	}
}

// placeList places the list and the names of its columns.
func (l *layout) placeList(r rect) {
	if r.h >= 6 {
		l.names = rect{r.x, r.y, r.w, 1}
		r.y, r.h = r.y+1, r.h-1
	}
	l.list = r
}

// placeSecond places the event, or the output of the app.
func (m *model) placeSecond(l *layout, r rect) {
	l.tabs = rect{r.x, r.y, r.w, min(r.h, 1)}
	content := rect{r.x, r.y + 1, r.w, max(r.h-1, 0)}
	if m.focus == paneApp {
		l.app = content
		return
	}
	l.detail = content
}

// headerLines returns the header, in as many lines as the height of the window allows.
func (m *model) headerLines() []line.Line {
	most := 5
	switch {
	case m.h < 8:
		most = 1
	case m.h < 16:
		most = 2
	case m.h < 24:
		most = 3
	}
	return m.header.lines(m.w, most)
}

// pageHeight is how many rows the pane with the focus shows.
func (m *model) pageHeight() int {
	l := m.layout()
	switch m.focus {
	case paneDetail:
		return l.detail.h
	case paneApp:
		return l.app.h
	}
	return l.list.h
}
