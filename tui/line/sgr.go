package line

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Pen is the style that a program has chosen with SGR sequences so far. The zero value
// is none. A style lasts until the program ends it, over lines, too.
type Pen struct {
	fore, back string // parameters of a colour: "31", "38;5;208"
	attributes [10]bool
}

// The attributes that are kept. Text that blinks is a nuisance, and hidden text hides
// something.
const (
	bold      = 1
	faint     = 2
	italic    = 3
	underline = 4
	reverse   = 7
	struck    = 9
)

// Write returns text that a program has written, in the colours that it chose. All
// other sequences are left out.
func (p *Pen) Write(text string) Line {
	var l Line
	state := byte(0)
	pending := strings.Builder{}
	flush := func() {
		if pending.Len() > 0 {
			l = append(l, span{text: pending.String(), sgr: p.parameters()})
			pending.Reset()
		}
	}
	for text != "" {
		sequence, width, n, next := ansi.DecodeSequence(text, state, nil)
		state, text = next, text[n:]
		switch {
		case strings.HasPrefix(sequence, "\x1b[") && strings.HasSuffix(sequence, "m"):
			flush()
			p.apply(sequence[2 : len(sequence)-1])
		case width > 0 || !strings.HasPrefix(sequence, "\x1b") && !isC1(sequence):
			pending.WriteString(sequence)
		}
	}
	flush()
	return l
}

// isC1 reports whether a sequence begins with a control character of eight bits that is
// not a character of UTF-8.
func isC1(sequence string) bool {
	return len(sequence) > 1 && sequence[0] >= 0x80 && sequence[0] < 0xa0
}

// parameters are those that begin the style, "" if there is none.
func (p *Pen) parameters() string {
	var all []string
	for i, on := range p.attributes {
		if on {
			all = append(all, strconv.Itoa(i))
		}
	}
	for _, colour := range []string{p.fore, p.back} {
		if colour != "" {
			all = append(all, colour)
		}
	}
	return strings.Join(all, ";")
}

// apply changes the style by the parameters of a sequence. What is unknown changes
// nothing.
func (p *Pen) apply(parameters string) {
	var codes []int
	for s := range strings.FieldsFuncSeq(strings.ReplaceAll(parameters, "::", ":"), func(r rune) bool { return r == ';' || r == ':' }) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return
		}
		codes = append(codes, n)
	}
	if len(codes) == 0 {
		codes = []int{0}
	}
	for i := 0; i < len(codes); i++ {
		switch n := codes[i]; {
		case n == 0:
			*p = Pen{}
		case n == bold, n == faint, n == italic, n == underline, n == reverse, n == struck:
			p.attributes[n] = true
		case n == 22:
			p.attributes[bold], p.attributes[faint] = false, false
		case n == 23, n == 24, n == 27, n == 29:
			p.attributes[n-20] = false
		case n >= 30 && n <= 37, n >= 90 && n <= 97:
			p.fore = strconv.Itoa(n)
		case n >= 40 && n <= 47, n >= 100 && n <= 107:
			p.back = strconv.Itoa(n)
		case n == 39:
			p.fore = ""
		case n == 49:
			p.back = ""
		case n == 38, n == 48:
			colour, used := extended(codes[i:])
			i += used
			if n == 38 && colour != "" {
				p.fore = colour
			} else if colour != "" {
				p.back = colour
			}
		}
	}
}

// extended reads a colour of 256 or of all, and how many further codes it takes.
func extended(codes []int) (colour string, used int) {
	size := map[int]int{5: 3, 2: 5}
	if len(codes) < 2 || len(codes) < size[codes[1]] || size[codes[1]] == 0 {
		return "", len(codes) - 1
	}
	used = size[codes[1]] - 1
	var all []string
	for _, n := range codes[:used+1] {
		if n > 255 {
			return "", used
		}
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, ";"), used
}

// programInk is the sequences around a text in a style that a program chose. In the
// line of the cursor it is shown in reverse.
func programInk(sgr string, over Style) ink {
	switch over {
	case Plain:
	case Invert:
		sgr += ";7"
	default:
		return inks().usual[over]
	}
	return ink{"\x1b[" + sgr + "m", "\x1b[m"}
}
