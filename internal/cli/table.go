package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/term"
)

// table is rows whose columns are as wide, in terminal cells, as what stands in
// them: names from outside may have wide letters.
type table struct {
	mask *lines.Mask
	rows [][]string
}

// newTable returns a table that shows none of the process's secrets.
func (p *Process) newTable() table { return table{mask: p.notes.Mask} }

// add adds a row, made safe for a terminal.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = term.Line(t.mask.Text(cell))
	}
	t.rows = append(t.rows, row)
}

// print writes all rows.
func (t *table) print(w io.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	out := bufio.NewWriter(w)
	for _, row := range t.rows {
		padding := make([]string, len(row))
		for i, cell := range row {
			padding[i] = lines.Pad(cell, widths[i])
		}
		fmt.Fprintln(out, strings.TrimRight(strings.Join(padding, "  "), " "))
	}
	return lines.WriteError(out.Flush())
}
