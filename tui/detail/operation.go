package detail

// Intent is what a key or a click asks of the caller.
type Intent int

// The intents.
const (
	None     Intent = iota
	Leave           // go back to the list
	NotFound        // the phrase does not occur
	Found           // it does: see Hits
)

// Op is an operation on the JSON tree.
type Op int

// The operations.
const (
	Toggle      Op = iota // open or close what is at the cursor
	Open                  // open it, or go into it
	Close                 // close it, or go out of it; Leave at the outermost level
	ToggleLevel           // open or close all of the cursor's level
	ToggleAll             // open or close everything
)

// Task is the rest of an operation that takes too long for a key press. It runs
// anywhere, once; its result goes to Finish.
type Task func() Result

// Result is the result of a task.
type Result struct {
	of, tree *tree // before and after
	intent   Intent
}

// longTree is the size of a payload, in bytes, from which operations are tasks.
const longTree = 512 << 10

// Do does an operation at the cursor. It does nothing if the pane shows no tree,
// except that Close leaves.
func (d *Detail) Do(op Op) (Intent, Task) {
	switch {
	case op == Close && (!d.OnTree() || d.tree.outermost()):
		return Leave, nil
	case d.tab == Diff && op == Toggle:
		d.whole = !d.whole
		return None, nil
	case !d.OnTree():
		return None, nil
	}
	return d.change(func(t *tree) Intent {
		switch op {
		case Toggle:
			t.toggle()
		case Open:
			t.unfold()
		case Close:
			t.fold()
		case ToggleLevel:
			t.toggleLevel()
		case ToggleAll:
			t.toggleAll()
		}
		return None
	})
}

// Find moves the cursor to the next place that contains a phrase, or the previous
// one. It continues at the other end, and ignores case.
func (d *Detail) Find(phrase string, back bool) (Intent, Task) {
	d.phrase = phrase
	switch {
	case phrase == "" || !d.ready():
		return None, nil
	case d.OnTree():
		return d.change(func(t *tree) Intent {
			if !t.find(phrase, back) {
				return NotFound
			}
			return Found
		})
	case !d.panes[d.tab].Find(phrase, back):
		return NotFound, nil
	}
	return Found, nil
}

// Hits returns how often the phrase of Find occurs in what is open, and how many of the
// places are up to the cursor.
func (d *Detail) Hits() (at, of int) {
	if d.OnTree() {
		return d.tree.hitAt, d.tree.hits
	}
	d.panes[d.tab].Phrase = d.phrase
	return d.panes[d.tab].Hits()
}

// Click moves the cursor to a line of the pane. A second click on the same line, while
// keys go to the pane, opens or closes what the line shows.
func (d *Detail) Click(y, h int, focused bool) (Intent, Task) {
	if !d.OnTree() {
		d.panes[d.tab].Click(y)
		return None, nil
	}
	rows := d.tree.layOut(d.tree.top, h)
	if y >= len(rows) {
		return None, nil
	}
	if focused && rows[y].place == d.tree.cursor() {
		return d.Do(Toggle)
	}
	d.tree.moveTo(rows[y].place)
	return None, nil
}

// change changes the tree: a small one at once, a long one as a task on a copy. The
// tree can be read until then, and not be changed.
func (d *Detail) change(f func(*tree) Intent) (Intent, Task) {
	if d.busy {
		return None, nil
	}
	if len(d.tree.text) < longTree {
		return f(d.tree), nil
	}
	d.busy = true
	of, clone := d.tree, d.tree.clone()
	return None, func() Result { return Result{of: of, tree: clone, intent: f(clone)} }
}

// Finish takes the result of a task, unless another event is shown by now.
func (d *Detail) Finish(r Result) Intent {
	if d.tree != r.of {
		return None
	}
	d.tree, d.busy = r.tree, false
	return r.intent
}
