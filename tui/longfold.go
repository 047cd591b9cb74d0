package tui

import tea "charm.land/bubbletea/v2"

// longTree is from how many bytes on an operation on a tree is a command's: a
// search in it would be felt as a pause.
const longTree = 512 << 10

// treeReady is a tree on which a long operation has been done.
type treeReady struct {
	of   *tree // the one that it was cloned from
	tree *tree
}

// onTreeDo does something with the tree of the payload: at once when it is
// small, else on a clone in the command that flushTree gives. Until that is
// done, the tree shown can be looked at and not be changed.
func (m *model) onTreeDo(do func(*tree)) {
	d := m.detail
	if d.busy {
		return
	}
	if len(d.tree.text) < longTree {
		do(d.tree)
		m.sayMissed()
		return
	}
	d.busy = true
	d.task = func(t *tree) { do(t) }
}

// flushTree gives the command of a long operation, if one was begun.
func (m *model) flushTree() tea.Cmd {
	d := m.detail
	if d.task == nil {
		return nil
	}
	task, of := d.task, d.tree
	d.task = nil
	clone := of.clone()
	return m.work.do(func(ctx) tea.Msg {
		task(clone)
		return treeReady{of, clone}
	})
}

func (m *model) treeReady(r treeReady) {
	m.detail.busy = false
	if m.detail.tree == r.of {
		m.detail.tree = r.tree
		m.sayMissed()
	}
}

func (m *model) sayMissed() {
	if t := m.detail.tree; t.missed {
		t.missed = false
		m.say(`"` + m.detail.search + `" is not there`)
	}
}
