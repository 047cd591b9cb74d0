package main

import (
	"bytes"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/hf-tap/hf-tap/examples/hubapi"
)

// card is a model card: the README.md of a model.
type card struct {
	text     []byte
	end      int // where the metadata ends in text; 0 if there is none
	metadata map[string]any
}

// frontMatter is the block at the start of a card that holds its metadata.
var frontMatter = regexp.MustCompile(`^(?:\x{feff})?---\r?\n(?s:(.*?\n)??)---[ \t]*(?:\r?\n|$)`)

// parseCard reads a card. The error says why the metadata is not valid YAML.
func parseCard(text []byte) (card, error) {
	c := card{text: text}
	if at := frontMatter.FindSubmatchIndex(text); at != nil {
		if at[2] < 0 {
			at[3] = bytes.IndexByte(text, '\n') + 1 // an empty block
		}
		c.end = at[3]
		first := bytes.IndexByte(text, '\n') + 1
		if err := yaml.Unmarshal(text[first:c.end], &c.metadata); err != nil {
			return c, err
		}
	}
	return c, nil
}

// pair is one line of metadata.
type pair struct{ key, value string }

// libraries are files by which a library is known, the most specific first.
var libraries = []struct{ file, library string }{
	{"adapter_config.json", "peft"},
	{"model_index.json", "diffusers"},
	{"modules.json", "sentence-transformers"},
	{"config.json", "transformers"},
}

// missing returns what the metadata lacks: what follows from the files, and
// what only the author knows.
func (c card) missing(files hubapi.Revision) (add []pair, ask []string) {
	if c.metadata["library_name"] == nil {
		for _, l := range libraries {
			if files.Has(l.file) {
				add = append(add, pair{"library_name", l.library})
				break
			}
		}
	}
	for _, key := range []string{"license", "pipeline_tag"} {
		if c.metadata[key] == nil {
			ask = append(ask, key)
		}
	}
	return add, ask
}

// with returns the text of the card with more metadata. All else stays as the
// author wrote it, comments and order included.
func (c card) with(add []pair) []byte {
	var lines bytes.Buffer
	for _, p := range add {
		fmt.Fprintf(&lines, "%s: %s\n", p.key, p.value)
	}
	if c.end == 0 {
		return append([]byte("---\n"+lines.String()+"---\n"), c.text...)
	}
	return append(append(bytes.Clone(c.text[:c.end]), lines.Bytes()...), c.text[c.end:]...)
}
