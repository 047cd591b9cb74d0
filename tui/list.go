package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// list shows the store's entries: which is selected, which are in sight. It
// follows the newest until the user moves away from it.
type list struct {
	store  *store
	zone   *time.Location
	now    func() time.Time // says which events are of today
	mask   func(string) string
	sel    int64 // number of the selected entry
	top    int   // index of the first one in sight
	height int   // rows in sight
	follow bool
	fresh  int            // how many came since the user moved away
	marks  map[int64]bool // by the events' N

	cols     []column
	colWidth int
	needs    needs            // of what was in sight since the columns were laid
	today    string           // when they were
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
	return &list{store: s, zone: zone, now: time.Now, mask: func(s string) string { return s }, follow: true, marks: map[int64]bool{}, cache: map[int64]cached{}}
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
	if newest := l.store.number(l.newest()); l.follow && l.sel < newest {
		l.sel = newest
	} else {
		l.sel = l.store.number(l.at())
	}
}

// newest gives the index of the newest event; of the newest entry when there are
// only states.
func (l *list) newest() int {
	last := l.store.len() - 1
	for i := last; i >= 0; i-- {
		if l.store.get(l.store.number(i)).row != nil {
			return i
		}
	}
	return last
}

// atEnd reports whether nothing newer than what is selected is worth a look: the
// list then follows what comes. States that come do not take the selection away
// from the event.
func (l *list) atEnd() bool { return l.store.len() == 0 || l.at() >= l.newest() }

// move goes by some entries, the end of the list being where it follows.
func (l *list) move(by int) { l.moveTo(l.at() + by) }

func (l *list) moveTo(i int) {
	n := l.store.len()
	if n == 0 {
		return
	}
	i = min(max(i, 0), n-1)
	l.sel = l.store.number(i)
	l.follow = l.atEnd()
	if l.follow {
		l.fresh = 0
	}
}

// scroll makes sure that the selected entry is in sight.
func (l *list) scroll(height int) {
	l.height = max(height, 1)
	n, at := l.store.len(), l.at()
	if l.follow {
		l.top = n - l.height // the states behind the newest event, too
	}
	if at < l.top {
		l.top = at
	}
	if at >= l.top+l.height {
		l.top = at - l.height + 1
	}
	l.top = min(max(l.top, 0), max(n-l.height, 0))
}

// mark marks the selected event or takes the mark away, and goes on to the next.
// It says whether an event is selected.
func (l *list) mark() bool {
	e := l.selected()
	if e == nil || e.row == nil {
		return false
	}
	if l.marks[e.row.N] {
		delete(l.marks, e.row.N)
	} else {
		l.marks[e.row.N] = true
	}
	l.move(1)
	return true
}

// render gives the rows in sight and the line of the selected one. focused says
// whether keys go here.
func (l *list) render(w, h int, focused bool) (rows []string, cursor int) {
	l.scroll(h)
	l.size(w, h)
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

// size makes the columns as wide as the rows in sight need them. They grow with
// the rows and do not shrink with each, so that they stand still.
func (l *list) size(w, h int) {
	today := l.now().In(l.zone).Format(time.DateOnly)
	anew := w != l.colWidth || today != l.today || len(l.cache) > 8*h+200
	if anew {
		l.colWidth, l.today, l.needs = w, today, needs{}
		clear(l.cache)
	}
	for i := l.top; i < min(l.top+h, l.store.len()); i++ {
		number := l.store.number(i)
		if _, known := l.known(number); known {
			continue
		}
		e := l.store.get(number)
		if l.needs.take(e, l.when(e)) {
			anew = true
		}
	}
	if !anew {
		return
	}
	if cols := layColumns(w, l.needs); !slices.Equal(cols, l.cols) {
		l.cols = cols
		clear(l.cache)
	}
}

// when gives the time of an entry of today, and the date of others.
func (l *list) when(e *entry) string {
	var at time.Time
	if e.state != nil {
		at = e.state.At.In(l.zone)
	} else {
		at = e.row.At.In(l.zone)
	}
	date := at.Format(time.DateOnly)
	switch {
	case date == l.today:
		return at.Format(time.TimeOnly)
	case l.colWidth < datedFrom && date[:4] == l.today[:4]:
		return at.Format("Jan _2")
	case l.colWidth < datedFrom:
		return at.Format("Jan 2006")
	case date[:4] == l.today[:4]:
		return at.Format("Jan _2 15:04")
	}
	return date
}

// known gives the row of an entry if it was rendered since it changed last, and
// else what it would be known by.
func (l *list) known(number int64) (cached, bool) {
	e := l.store.get(number)
	c := cached{entry: e}
	if e.row != nil {
		c.rev, c.marked = e.row.Rev, l.marks[e.row.N]
	}
	old, ok := l.cache[number]
	if ok && old.entry == c.entry && old.rev == c.rev && old.marked == c.marked {
		return old, true
	}
	return c, false
}

// row gives the rendered row of an entry, which only a change makes anew.
func (l *list) row(number int64, w int) string {
	c, known := l.known(number)
	if known {
		return c.text
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
		out = out.add(faint, pad(l.when(e), max(l.width("time"), 8))+" "+gap(l.colWidth))
		return append(out, stateWords(e.state).steady(l.mask)...)
	}
	r := e.row
	if words, st := verdictWords(r.Verdict); !r.Verdict.Trusted() && l.width("secret") == 0 && l.width("kind") == 0 {
		return out.add(plain, pad(l.when(e), l.width("time"))+gap(l.colWidth)).add(st, words) // there is no room for more
	}
	for i, c := range l.cols {
		if i > 0 {
			out = out.add(plain, gap(l.colWidth))
		}
		cell := line{}
		switch c.name {
		case "time":
			cell = text(plain, l.when(e))
		case "event":
			cell = text(accent, padLeft("#"+strconv.FormatInt(r.N, 10), c.width))
		case "kind":
			cell = l.kindCell(r, c.width)
		case "repo":
			repo := steady(r.Repo)
			if c.width < l.needs.repo { // the type is shown in all rows or in none
				repo = bareRepo(repo)
			}
			cell = text(faint, shorten(repo, c.width))
		case "secret":
			words, st := verdictWords(r.Verdict)
			cell = text(st, words)
		case "hub":
			cell = answerCell(r)
		case "target":
			cell = l.targetCell(r, c.width)
		case "marks":
			if cell = markWords(r, false); cell.width() > c.width {
				cell = markWords(r, true)
			}
		}
		out = append(out, cell.fit(c.width)...)
	}
	return out
}

// kindCell is the kind, behind what is wrong with the secret where that has no
// column of its own.
func (l *list) kindCell(r *event.Row, w int) line {
	kind := steady(r.Title())
	if r.Verdict.Trusted() || l.width("secret") > 0 {
		return text(plain, shortKind(kind, w))
	}
	words, st := verdictWords(r.Verdict)
	return text(st, words).add(plain, " "+shortKind(kind, max(w-width(words)-1, 0)))
}

// targetCell says what the targets said, and what has no column of its own
// where the list is narrow.
func (l *list) targetCell(r *event.Row, w int) line {
	marks := line(nil)
	if l.width("marks") == 0 {
		marks = markWords(r, true)
	}
	room := w
	if len(marks) > 0 {
		room -= 2 + marks.width()
	}
	cell := outcome(r, max(room, 0)).steady(l.mask)
	if len(marks) > 0 {
		cell = append(cell.add(plain, "  "), marks...)
	}
	return cell
}

// width gives how wide a column is, 0 when it is not shown.
func (l *list) width(name string) int {
	for _, c := range l.cols {
		if c.name == name {
			return c.width
		}
	}
	return 0
}

// answerCell is what the sender was told: "…" until it is, and "–" where nobody
// asked or no answer comes any more.
func answerCell(r *event.Row) line {
	switch {
	case r.Answer.Status != 0:
		return text(answerStyle(r.Answer.Status), strconv.Itoa(r.Answer.Status))
	case r.Source.AwaitsAnswer() && r.Answer == event.Answer{} && r.Phase != event.PhasePending:
		return text(faint, "…")
	}
	return text(faint, "–")
}

func answerStyle(status int) style {
	if status >= 200 && status < 300 {
		return faint
	}
	return warn
}

// bareRepo leaves the type away.
func bareRepo(repo string) string {
	if _, name, ok := strings.Cut(repo, ":"); ok {
		return name
	}
	return repo
}
