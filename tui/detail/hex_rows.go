package detail

import (
	"github.com/hf-tap/hf-tap/tui/line"
)

// hexRows shows bytes that are not text. Rows are made when they are drawn.
type hexRows struct {
	bytes []byte
	wide  int // bytes in a row
}

func newHexRows(b []byte, w int) hexRows {
	h := hexRows{b, 16}
	for h.wide > 2 && 10+h.wide*3+1+h.wide > w {
		h.wide /= 2
	}
	return h
}

func (h hexRows) Count() int { return (len(h.bytes) + h.wide - 1) / h.wide }

func (h hexRows) Row(i int) line.Line {
	const digits = "0123456789abcdef"
	from := i * h.wide
	chunk := h.bytes[from:min(from+h.wide, len(h.bytes))]
	var offset [8]byte
	for j := range offset {
		offset[j] = digits[from>>(4*(7-j))&15]
	}
	hex, chars := make([]byte, 0, 3*h.wide), make([]byte, 0, h.wide)
	for _, c := range chunk {
		hex = append(hex, digits[c>>4], digits[c&15], ' ')
		if c < 0x20 || c > 0x7e {
			c = '.'
		}
		chars = append(chars, c)
	}
	return line.Text(line.Faint, string(offset[:])+"  ").Add(line.Plain, line.Pad(string(hex), 3*h.wide)).Add(line.Faint, " ").Add(line.Good, string(chars))
}
