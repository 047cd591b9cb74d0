package tui

import (
	"strconv"
	"strings"
	"time"
)

// list shows the store's entries: which is selected, which are in sight. It
// follows the newest until the user moves away from it.
type list struct {
	store  *store
	zone   *time.Location
	sel    int64 // number of the selected entry
	top    int   // index of the first one in sight
	height int   // rows in sight
	follow bool
	fresh  int            // how many came since the user moved away
	marks  map[int64]bool // by the events' N

	cols     []column
	colWidth int
	cache    map[int64]cached // rendered rows, by their numbers
	rendered int              // how many rows were rendered, for the tests
}

// cached is a rendered row, and what it was rendered from.
type cached struct {
	entry  *entry
	rev    int64
	marked bool
	text   string
}

func newList(s *store, zone *time.Location) *list {
	return &list{store: s, zone: zone, follow: true, marks: map[int64]bool{}, cache: map[int64]cached{}}
}

// selected gives the selected entry, nil when nothing is shown.
func (l *list) selected() *entry {
	if l.store.len() == 0 {
		return nil
	}
	return l.store.get(l.sel)
}

// at gives the index of the selected entry.
func (l *list) at() int {
	i, _ := l.store.index(l.sel)
	return i
}

// changed puts the selection right after the store has changed. more is how
// many entries came at the end.
func (l *list) changed(more int) {
	if l.follow {
		l.fresh = 0
	} else if more > 0 {
		l.fresh += more
	}
	if l.store.len() == 0 {
		return
	}
	if l.follow {
		l.sel = l.store.number(l.store.len() - 1)
	} else {
		l.sel = l.store.number(l.at())
	}
}

// move goes by some entries, the end of the list being where it follows.
func (l *list) move(by int) { l.moveTo(l.at() + by) }

func (l *list) moveTo(i int) {
	n := l.store.len()
	if n == 0 {
		return
	}
	i = min(max(i, 0), n-1)
	l.sel = l.store.number(i)
	l.follow = i == n-1
	if l.follow {
		l.fresh = 0
	}
}

// scroll makes sure that the selected entry is in sight.
func (l *list) scroll(height int) {
	l.height = max(height, 1)
	n, at := l.store.len(), l.at()
	if at < l.top {
		l.top = at
	}
	if at >= l.top+l.height {
		l.top = at - l.height + 1
	}
	l.top = min(max(l.top, 0), max(n-l.height, 0))
}

// mark marks the selected event or takes the mark away, and goes on to the next.
func (l *list) mark() {
	if e := l.selected(); e != nil && e.row != nil {
		if l.marks[e.row.N] {
			delete(l.marks, e.row.N)
		} else {
			l.marks[e.row.N] = true
		}
	}
	l.move(1)
}

// render gives the rows in sight and the line of the selected one. focused says
// whether keys go here.
func (l *list) render(w, h int, focused bool) (rows []string, cursor int) {
	l.scroll(h)
	if w != l.colWidth || len(l.cache) > 8*h+200 {
		l.cols, l.colWidth = layColumns(w), w
		clear(l.cache)
	}
	for i := l.top; i < min(l.top+h, l.store.len()); i++ {
		number := l.store.number(i)
		if number == l.sel {
			cursor = len(rows)
			over := invert
			if !focused {
				over = strong
			}
			rows = append(rows, l.line(number, true).render(w, over))
			continue
		}
		rows = append(rows, l.row(number, w))
	}
	return rows, cursor
}

// row gives the rendered row of an entry, which only a change makes anew.
func (l *list) row(number int64, w int) string {
	e := l.store.get(number)
	c := cached{entry: e}
	if e.row != nil {
		c.rev, c.marked = e.row.Rev, l.marks[e.row.N]
	}
	if old, ok := l.cache[number]; ok && old.entry == c.entry && old.rev == c.rev && old.marked == c.marked {
		return old.text
	}
	l.rendered++
	c.text = l.line(number, false).render(w, plain)
	l.cache[number] = c
	return c.text
}

// line lays an entry out in the columns.
func (l *list) line(number int64, selected bool) line {
	e := l.store.get(number)
	gutter := span{plain, " "}
	if selected {
		gutter = span{accent, "›"}
	}
	marked := span{plain, " "}
	if e.row != nil && l.marks[e.row.N] {
		marked = span{accent, "*"}
	}
	out := line{gutter, marked}
	if e.state != nil {
		out = out.add(faint, e.state.At.In(l.zone).Format(time.TimeOnly)+" "+gap(l.colWidth))
		return append(out, stateWords(e.state)...)
	}
	r := e.row
	for i, c := range l.cols {
		if i > 0 {
			out = out.add(plain, gap(l.colWidth))
		}
		cell := line{}
		switch c.name {
		case "time":
			cell = text(plain, r.At.In(l.zone).Format(time.TimeOnly))
		case "event":
			cell = text(accent, padLeft("#"+strconv.FormatInt(r.N, 10), c.width))
		case "kind":
			cell = text(plain, shortKind(r.Title(), c.width))
		case "repo":
			cell = text(faint, shortRepo(r.Repo, c.width))
		case "secret":
			words, st := verdictWords(r.Verdict)
			cell = text(st, words)
		case "hub":
			cell = text(answerStyle(r.Answer.Status), strconv.Itoa(r.Answer.Status))
			if r.Answer.Status == 0 {
				cell = text(faint, "…")
			}
		case "target":
			cell = outcome(r, c.width)
			if words, st := verdictWords(r.Verdict); !r.Verdict.Trusted() && !l.has("secret") {
				cell = text(st, words)
			}
			if marks := markWords(r); len(marks) > 0 && !l.has("marks") {
				cell = append(cell.add(plain, "  "), marks...)
			}
		case "marks":
			cell = markWords(r)
		}
		out = append(out, cell.fit(c.width)...)
	}
	return out
}

func (l *list) has(name string) bool {
	for _, c := range l.cols {
		if c.name == name {
			return true
		}
	}
	return false
}

func answerStyle(status int) style {
	if status >= 200 && status < 300 {
		return faint
	}
	return warn
}

// typedRepo is how wide the column has to be for the types of repos to be
// shown, in all rows or in none.
const typedRepo = 24

// shortRepo leaves the type away where names have no room beside it.
func shortRepo(repo string, w int) string {
	if _, name, ok := strings.Cut(repo, ":"); ok && w < typedRepo {
		repo = name
	}
	return shorten(repo, w)
}
