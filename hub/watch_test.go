package hub

import (
	"slices"
	"strings"
	"testing"
)

func TestWatchesAreReadAsPeopleTypeThem(t *testing.T) {
	for s, want := range map[string]Watch{
		"model:me/m":         {Type: "model", Name: "me/m"},
		"models:me/m":        {Type: "model", Name: "me/m"},
		"model:gpt2":         {Type: "model", Name: "gpt2"}, // an old canonical repo
		"datasets:a-b/c_d.e": {Type: "dataset", Name: "a-b/c_d.e"},
		"space:me/s":         {Type: "space", Name: "me/s"},
		"bucket:me/b":        {Type: "bucket", Name: "me/b"},
		"kernel:me/k":        {Type: "kernel", Name: "me/k"},
		"user:me":            {Type: "user", Name: "me"},
		"orgs:us":            {Type: "org", Name: "us"},

		"me/m":                                       {Type: "model", Name: "me/m"}, // as hf has it
		"datasets/me/d":                              {Type: "dataset", Name: "me/d"},
		"https://huggingface.co/me/m":                {Type: "model", Name: "me/m"},
		"https://huggingface.co/datasets/me/d/":      {Type: "dataset", Name: "me/d"},
		"https://huggingface.co/datasets/squad":      {Type: "dataset", Name: "squad"},
		"http://www.huggingface.co/spaces/me/s?logs": {Type: "space", Name: "me/s"},
		"https://hf.co/me/m/discussions/3#63aa":      {Type: "model", Name: "me/m"},
		"huggingface.co/buckets/me/b/tree/main/data": {Type: "bucket", Name: "me/b"},
		"HuggingFace.co/kernels/me/k":                {Type: "kernel", Name: "me/k"},
		"https://huggingface.co/me/m.git":            {Type: "model", Name: "me/m"},
		"https://huggingface.co/api/datasets/me/d":   {Type: "dataset", Name: "me/d"},
		"hf://datasets/me/d/train.csv":               {Type: "dataset", Name: "me/d"},
		"hf://me/m":                                  {Type: "model", Name: "me/m"},
	} {
		got, err := ParseWatch(s)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
		r, isRepo := got.Repo()
		if isRepo != (want.Type != "user" && want.Type != "org") || isRepo && r.Watch() != want {
			t.Errorf("%s: the repo %v, %v", s, r, isRepo)
		}
		if parsed, err := ParseRepo(s); (err == nil) != isRepo || parsed != r {
			t.Errorf("%s: read as the repo %v, %v", s, parsed, err)
		}
	}
	for s, words := range map[string]string{
		"":                                  "has no type",
		"gpt2":                              "has no type",
		"me/m/x":                            "has no type",
		"7860/hook":                         "has no type",
		"me/m m":                            "has no type",
		"https://huggingface.co/me":         "not the address of a repo",
		"https://huggingface.co/":           "not the address of a repo",
		"hf.co/settings/webhooks":           "not the address of a repo",
		"https://huggingface.co/docs/hub":   "not the address of a repo",
		"hf.co/datasets/me/\x1b[m":          "not the address of a repo",
		"https://evil.example/me/m":         `unknown type "https"`,
		"modle:me/m":                        `unknown type "modle"`,
		":me/m":                             `unknown type ""`,
		"Model:me/m":                        `unknown type "Model"`,
		"modelss:me/m":                      `unknown type "modelss"`,
		"model:":                            "no valid name",
		"model:/m":                          "no valid name",
		"model:me/":                         "no valid name",
		"model:me/..":                       "no valid name",
		"model:me/m m":                      "no valid name",
		"model:me/\x1b[m":                   "no valid name",
		"model:me/é":                        "no valid name",
		"model:" + strings.Repeat("a", 201): "no valid name",
		"model:me/m/x":                      "too many slashes",
		"user:me/m":                         "without a slash",
		"org:us/m":                          "without a slash",
	} {
		got, err := ParseWatch(s)
		if err == nil || !strings.Contains(err.Error(), words) || got != (Watch{}) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func TestDomainsAreTakenInBothSpellings(t *testing.T) {
	for s, want := range map[string]Domain{"repo": "repo", "repos": "repo", "discussion": "discussion", "discussions": "discussion"} {
		if got, err := ParseDomain(s); err != nil || got != want {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Repo", "discussion.comment", "repo "} {
		if got, err := ParseDomain(s); err == nil || got != "" || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

func FuzzParseWatch(f *testing.F) {
	for _, s := range []string{"model:me/m", "users:me", "org:", "model:../..", "a:b:c", ":", "bucket:\xff", "models:s", "me/m", "https://hf.co/datasets/me/d?x#y", "hf://spaces/a/b/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseWatch(s)
		if err != nil {
			if w != (Watch{}) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Fatalf("%+v, %q", w, err)
			}
			return
		}
		if !slices.Contains(WatchTypes(), w.Type) {
			t.Fatalf("type %q", w.Type)
		}
		if again, err := ParseWatch(w.String()); err != nil || again != w {
			t.Fatalf("%q became %v, %v", w, again, err)
		}
		// A name that is taken needs no escaping in an address.
		if web := (Repo{Type: RepoType(w.Type), Name: w.Name}).URLs("").Web; !strings.HasSuffix(web, "/"+w.Name) {
			t.Fatalf("%q has the address %q", w, web)
		}
	})
}
