package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/hub"
)

// maxSummary is how long a summary may be, in runes.
const maxSummary = 120

// maxTitle is how many of them the title of a discussion takes before a comment.
const maxTitle = 24

// summarize returns what a payload is about, in a few words: the number and
// title of a discussion, the beginning of a comment, the branch or tag and the
// short sha of a push, what a config update changed, the new name of a repo, or
// how many files of a bucket changed. It is empty where the payload has nothing
// of that.
func summarize(d hub.Details) string {
	var s string
	switch {
	case d.Discussion != nil || d.Comment != nil:
		s = discussionSummary(d)
	case d.UpdatedRefs != nil:
		s = refsSummary(d.UpdatedRefs)
	case d.UpdatedFiles != nil:
		s = filesSummary(d.UpdatedFiles)
	case d.UpdatedConfig != nil:
		s = configSummary(d.UpdatedConfig)
	case d.MovedTo != nil:
		var to struct{ Name string }
		if json.Unmarshal(d.MovedTo, &to) == nil && to.Name != "" {
			s = "to " + to.Name
		}
	}
	return shorten(strings.Join(strings.Fields(s), " "), maxSummary)
}

func discussionSummary(d hub.Details) string {
	var discussion struct {
		Num   int
		Title string
	}
	var comment struct {
		Content string
		Hidden  bool
	}
	// A field that cannot be read stays empty.
	_ = json.Unmarshal(d.Discussion, &discussion)
	_ = json.Unmarshal(d.Comment, &comment)
	var parts []string
	if discussion.Num != 0 {
		parts = append(parts, fmt.Sprintf("#%d", discussion.Num))
	}
	if discussion.Title != "" {
		most := maxSummary / 2
		if comment.Content != "" { // which is what is new
			most = maxTitle
		}
		parts = append(parts, shorten(discussion.Title, most))
	}
	s := strings.Join(parts, " ")
	switch {
	case comment.Hidden:
		s += ": (hidden)"
	case comment.Content != "":
		s += ": " + shorten(comment.Content, maxSummary)
	}
	return strings.TrimPrefix(s, ": ")
}

func refsSummary(raw json.RawMessage) string {
	var refs []hub.RefUpdate
	_ = json.Unmarshal(raw, &refs)
	var parts []string
	for _, r := range refs[:min(len(refs), 4)] {
		name := r.Ref
		for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/"} {
			if short, ok := strings.CutPrefix(name, prefix); ok {
				name = short
				break
			}
		}
		switch {
		case r.NewSHA == nil:
			name += " deleted"
		default:
			name += " " + (*r.NewSHA)[:min(len(*r.NewSHA), 7)]
		}
		parts = append(parts, name)
	}
	if more := len(refs) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

func filesSummary(raw json.RawMessage) string {
	var files []struct{ Action string }
	_ = json.Unmarshal(raw, &files)
	actions := map[string]int{}
	for _, f := range files {
		actions[f.Action]++
	}
	var parts []string
	for _, a := range []struct{ action, word string }{{"add", "added"}, {"delete", "deleted"}} {
		if n := actions[a.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a.word))
			delete(actions, a.action)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(actions)) {
		parts = append(parts, fmt.Sprintf("%d %s", actions[action], action))
	}
	return strings.Join(parts, ", ")
}

func configSummary(raw json.RawMessage) string {
	var config map[string]json.RawMessage
	_ = json.Unmarshal(raw, &config)
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, key+" "+shorten(string(config[key]), 40))
	}
	return strings.Join(parts, ", ")
}

// shorten cuts s to a number of runes, the last of them an ellipsis.
func shorten(s string, runes int) string {
	if len(s) <= runes || utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}
