package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/hf-tap/hf-tap/examples/hubapi"
)

func TestACardGetsWhatItLacksAndKeepsTheRest(t *testing.T) {
	for name, c := range map[string]struct{ text, files, ask, want string }{
		"no card":            {"", "config.json", "[license pipeline_tag]", "---\nlibrary_name: transformers\n---\n"},
		"no metadata":        {"# M\n", "config.json", "[license pipeline_tag]", "---\nlibrary_name: transformers\n---\n# M\n"},
		"a rule in the text": {"# M\n---\nx\n---\n", "config.json", "[license pipeline_tag]", "---\nlibrary_name: transformers\n---\n# M\n---\nx\n---\n"},
		"an empty block":     {"---\n---\n# M\n", "config.json", "[license pipeline_tag]", "---\nlibrary_name: transformers\n---\n# M\n"},
		"comments":           {"---\n# mine\nlicense:  mit # for now\n---\n# M\n---\n", "modules.json", "[pipeline_tag]", "---\n# mine\nlicense:  mit # for now\nlibrary_name: sentence-transformers\n---\n# M\n---\n"},
		"the end":            {"---\nlicense: mit\n---", "model_index.json", "[pipeline_tag]", "---\nlicense: mit\nlibrary_name: diffusers\n---"},
		"DOS lines":          {"---\r\nlicense: mit\r\n---\r\n", "adapter_config.json", "[pipeline_tag]", "---\r\nlicense: mit\r\nlibrary_name: peft\n---\r\n"},
		"a library":          {"---\nlibrary_name: timm\nlicense: mit\n---\n", "config.json", "[pipeline_tag]", ""},
		"other files":        {"---\nlicense: mit\npipeline_tag: x\n---\n", "a.bin", "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := parseCard([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var files hubapi.Revision
			if err := json.Unmarshal(fmt.Appendf(nil, `{"siblings":[{"rfilename":%q}]}`, c.files), &files); err != nil {
				t.Fatal(err)
			}
			add, ask := found.missing(files)
			got := ""
			if len(add) > 0 {
				got = string(found.with(add))
				if again, err := parseCard([]byte(got)); err != nil || again.metadata["library_name"] != add[0].value {
					t.Errorf("the result reads %v, %v", again.metadata, err)
				}
			}
			if got != c.want || fmt.Sprint(ask) != c.ask {
				t.Errorf("got %q and asks for %v, want %q and %s", got, ask, c.want, c.ask)
			}
		})
	}
}

func TestMetadataThatIsNotYAMLIsAnError(t *testing.T) {
	for _, text := range []string{"---\nlicense: [mit\n---\n", "---\njust words\n---\n"} {
		if _, err := parseCard([]byte(text)); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}
