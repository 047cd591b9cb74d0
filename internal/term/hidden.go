package term

import (
	"unicode"
	"unicode/utf8"
)

// hidden reports whether the rune at s[i] is not seen where it stands: it acts on
// the terminal or on the order of the text around it, or it is drawn as nothing.
// The joiners and selectors of an emoji, and the joiners that scripts are written
// with, are part of what is seen. Of marks that stand one upon the other only so many
// are as no script has more: the rest would be drawn over the lines above and below.
func hidden(s string, i int) bool {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r < 0x7f:
		return false
	case !invisible(r):
		return mark(r) && marksBefore(s[:i]) >= mostMarks
	case selector(r):
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		return !takesSelector(before)
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
		after, _ := utf8.DecodeRuneInString(s[i+size:])
		return !joins(s[:i], after) || r == zeroWidthNonJoiner && pictographic(after)
	case r >= 0xe0020 && r <= 0xe007f:
		return !inFlag(s, i)
	}
	return true
}

// mostMarks is how many marks stand upon one letter: Tibetan and Hebrew have up to 8.
const mostMarks = 10

// mark reports whether r is drawn upon the character before it, and takes no place.
func mark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// marksBefore counts the marks at the end of s, up to mostMarks.
func marksBefore(s string) (n int) {
	for n < mostMarks {
		r, size := utf8.DecodeLastRuneInString(s)
		if !mark(r) {
			break
		}
		s = s[:len(s)-size]
		n++
	}
	return n
}

const (
	zeroWidthNonJoiner = 0x200c
	zeroWidthJoiner    = 0x200d
	keycap             = 0x20e3
	blackFlag          = 0x1f3f4
	cancelTag          = 0xe007f
)

// invisible reports whether r is drawn as nothing, or acts on a terminal: C1
// controls, DEL, formats (bidirectional controls, zero-width characters, tags,
// annotations), line and paragraph separators, fillers, variation selectors.
func invisible(r rune) bool {
	switch {
	case r < 0x7f:
		return false
	case r <= 0x9f, r == 0x2028, r == 0x2029:
		return true
	case r < 0xad:
		return false
	case r >= 0x600 && r <= 0x605, r == 0x6dd, r == 0x70f, r == 0x890, r == 0x891, r == 0x8e2, r == 0x110bd, r == 0x110cd:
		return false // formats that are drawn, around the number behind them
	case r >= 0x13430 && r <= 0x1345f:
		return false // that place hieroglyphs
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// selector reports whether r chooses how the character before it is drawn.
func selector(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) }

// takesSelector reports whether a character has forms to choose from: emoji, the base
// of a keycap, ideographs, symbols. An invalid byte, which is decoded as U+FFFD, has
// none.
func takesSelector(r rune) bool {
	if r == utf8.RuneError {
		return false
	}
	return pictographic(r) || r >= '0' && r <= '9' || r == '#' || r == '*' || unicode.In(r, unicode.Han, unicode.Mongolian, unicode.Myanmar, unicode.Phags_Pa) ||
		r > 0x7f && unicode.In(r, unicode.Sm, unicode.So)
}

// joins reports whether a joiner has something to join: two emoji, or letters of
// one of the scripts that are written with joiners.
func joins(before string, after rune) bool {
	last, size := utf8.DecodeLastRuneInString(before)
	if selector(last) || skinTone(last) {
		last, _ = utf8.DecodeLastRuneInString(before[:len(before)-size])
	}
	if pictographic(after) {
		return pictographic(last) || last == cancelTag
	}
	return written(last) && written(after)
}

// written reports whether r is of a script in whose words joiners are seen,
// because they change the letters beside them.
func written(r rune) bool {
	return r > 0x7f && unicode.In(r, unicode.Letter, unicode.Mark) && unicode.In(r,
		unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Mandaic, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
		unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar)
}

func skinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// pictographic reports whether r can be an emoji: the blocks that Unicode keeps
// for pictures, and the older symbols that have become emoji.
func pictographic(r rune) bool {
	switch {
	case r >= 0x1f000 && r <= 0x1faff, r >= 0x2190 && r <= 0x21ff, r >= 0x2300 && r <= 0x23ff, r >= 0x2460 && r <= 0x27bf,
		r >= 0x2900 && r <= 0x297f, r >= 0x2b00 && r <= 0x2bff:
		return true
	case r == 0xa9, r == 0xae, r == 0x203c, r == 0x2049, r == 0x2122, r == 0x2139, r == 0x3030, r == 0x303d, r == 0x3297, r == 0x3299:
		return true
	}
	return false
}

// inFlag reports whether the tag at s[i] is part of the flag of a region: a black
// flag, tags, and the tag that ends them.
func inFlag(s string, i int) bool {
	const most = 8 // tags in one flag
	n := 0
	for at := i; ; n++ {
		r, size := utf8.DecodeLastRuneInString(s[:at])
		if r == blackFlag {
			break
		}
		if r < 0xe0020 || r >= cancelTag || n > most {
			return false
		}
		at -= size
	}
	for ; n <= most; n++ {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == cancelTag:
			return n > 0
		case r < 0xe0020 || r > cancelTag:
			return false
		}
		i += size
	}
	return false
}
