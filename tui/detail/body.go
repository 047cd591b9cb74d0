package detail

import (
	"fmt"
	"mime"
	"strings"

	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxPainted is how many bytes of a text are shown. The rest can be saved or copied.
const maxPainted = 256 << 10

// bodyLines shows a body: JSON with indents, HTML without its tags, other text as it
// is, and what is not text as bytes. raw shows text as it came.
func bodyLines(body []byte, contentType string, raw bool) []line.Line {
	var more line.Line
	if len(body) > maxPainted {
		more = line.Text(line.Warn, fmt.Sprintf("… %s more: s saves all of it", present.Size(int64(len(body)-maxPainted))))
	}
	shown := []byte(line.CutBytes(string(body[:min(len(body), maxPainted+1)]), maxPainted))
	media, _, _ := mime.ParseMediaType(contentType)
	var lines []line.Line
	var indented []byte
	isJSON := false
	if more == nil && !raw {
		indented, isJSON = present.Indent(body)
	}
	switch {
	case isJSON:
		lines = textLines(indented, line.Good)
	case !diff.IsText(shown):
		h := newHexRows(shown[:min(len(shown), 4096)], 80)
		for i := range h.Count() {
			lines = append(lines, h.Row(i))
		}
		if len(shown) > 4096 && more == nil {
			more = line.Text(line.Warn, fmt.Sprintf("… %s more: s saves all of it", present.Size(int64(len(body)-4096))))
		}
	case media == "text/html" && !raw:
		lines = textLines([]byte(htmlText(string(shown))), line.Plain)
	default:
		lines = textLines(shown, line.Plain)
	}
	if more != nil {
		lines = append(lines, more)
	}
	return lines
}

func textLines(b []byte, st line.Style) []line.Line {
	var lines []line.Line
	for l := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
		lines = append(lines, line.Text(st, strings.TrimSuffix(l, "\r")))
	}
	return lines
}
