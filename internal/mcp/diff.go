package mcp

import (
	"context"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
)

// maxDiff is how many lines of a comparison are returned.
const maxDiff = 200

func (s *server) addDiffTool() {
	addTool(s, tool{
		name: "diff_events", title: "Compare two events", reads: true,
		text: "Compare two events: their bodies (JSON by its values), and what the targets of the second one answered. For an event and its replay, this shows the effect of a change of the handler.",
	}, s.diffEvents)
}

type diffIn struct {
	Before int64 `json:"before" jsonschema:"the number of the earlier event"`
	Now    int64 `json:"now" jsonschema:"the number of the later event"`
}

type diffOut struct {
	Notice    string    `json:"notice"`
	Differ    bool      `json:"differ"`
	Before    rowView   `json:"before"`
	Now       rowView   `json:"now"`
	Untrusted diffTexts `json:"untrusted"`
}

type diffTexts struct {
	Sections []diffSection `json:"sections" jsonschema:"the payload, then what each target answered"`
}

// diffSection is a part of a comparison. Its lines begin with - for what only the earlier
// event has, + for what only the later one has, and ~ for a value that is another one.
type diffSection struct {
	Title string   `json:"title"`
	Lines []string `json:"lines" jsonschema:"they begin with - for what only the earlier event has, + for what only the later one has, ~ for a value that is another one"`
	Left  int      `json:"left_out,omitempty" jsonschema:"so many further lines"`
}

func (s *server) diffEvents(ctx context.Context, _ call, in diffIn) (diffOut, error) {
	out := diffOut{Notice: notice, Untrusted: diffTexts{Sections: []diffSection{}}}
	before, err := s.event(ctx, in.Before)
	if err != nil {
		return out, err
	}
	now, err := s.event(ctx, in.Now)
	if err != nil {
		return out, err
	}
	before, now = before.Masked(s.Notes.Mask.Secrets()), now.Masked(s.Notes.Mask.Secrets())
	out.Before, out.Now = viewRow(event.NewRow(before)), viewRow(event.NewRow(now))
	room := maxDiff
	for _, section := range diff.Events(before, now) {
		shown := diffSection{Title: cut(section.Title), Lines: []string{}}
		for _, l := range section.Lines {
			out.Differ = out.Differ || l.Differs()
			if room == 0 {
				shown.Left++
				continue
			}
			room--
			shown.Lines = append(shown.Lines, cut(l.String()))
		}
		out.Untrusted.Sections = append(out.Untrusted.Sections, shown)
	}
	return out, nil
}
