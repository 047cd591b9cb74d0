package jsonedit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const payload = `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"me/m","private":false,"tags":[]},` +
	`"updatedRefs":[{"ref":"refs/heads/main","oldSha":null,"newSha":"ab"}],"n":12345678901234567890,"a.b":1,"config":{}}`

func TestAChangeSetsCreatesAndDeletes(t *testing.T) {
	for change, want := range map[string]string{
		`repo.name=me/other`:                  `"name":"me/other"`,
		`.repo.name=me/other`:                 `"name":"me/other"`,
		`repo.private=true`:                   `"private":true,`,
		`repo.name="true"`:                    `"name":"true"`,
		`repo.name=a=b`:                       `"name":"a=b"`,
		`repo.name=<b>&"x`:                    `"name":"<b>&\"x"`,
		`repo.tags=["a", "b"]`:                `"tags":["a","b"]`,
		`repo.tags.0=a`:                       `"tags":["a"]`,
		`repo.owner.id=1`:                     `"tags":[],"owner":{"id":1}}`,
		`updatedRefs.0.oldSha=cd`:             `"oldSha":"cd"`,
		`updatedRefs[0].newSha=null`:          `"newSha":null`,
		`updatedRefs[1].ref=refs/tags/v1`:     `,{"ref":"refs/tags/v1"}]`,
		`updatedRefs.0=`:                      `"updatedRefs":[]`,
		`updatedRefs.0.oldSha.deep=1`:         `"oldSha":{"deep":1}`,
		`files[0].path=a`:                     `"files":[{"path":"a"}]}`,
		`repo.private=`:                       `"name":"me/m","tags"`,
		`["a.b"]=2`:                           `"a.b":2`,
		`repo["x y"]=2`:                       `"x y":2`,
		`event.scope=repo.config.dois`:        `"scope":"repo.config.dois"`,
		`repo.name=` + strings.Repeat("x", 5): `"name":"xxxxx"`,
	} {
		c, err := Parse(change)
		if err != nil {
			t.Errorf("%s: %v", change, err)
			continue
		}
		after, _, err := c.Apply([]byte(payload))
		if err != nil || !strings.Contains(string(after), want) || !json.Valid(after) {
			t.Errorf("%s gives %s, %v, want %s", change, after, err, want)
		}
		if !strings.HasPrefix(string(after), `{"event":{"action":"update"`) || !strings.Contains(string(after), "12345678901234567890") {
			t.Errorf("%s changes more than its value: %s", change, after)
		}
	}
}

func TestAChangeThatCannotBeAppliedSaysWhyAndWhatWasMeant(t *testing.T) {
	for change, want := range map[string]*Error{
		`repo.name.x=1`:             {"repo.name.x", "repo.name is a text, and has no parts", ""},
		`n.0=1`:                     {"n.0", "n is a number, and has no parts", ""},
		`updatedRefs.first=1`:       {"updatedRefs.first", `updatedRefs is a list: want the number of an item, not "first"`, ""},
		`updatedRefs.-1=1`:          {"updatedRefs.-1", `updatedRefs is a list: want the number of an item, not "-1"`, ""},
		`updatedRefs.5.ref=x`:       {"updatedRefs.5.ref", "updatedRefs has no item 5: its last is 0", "updatedRefs.0.ref"},
		`updatedRefs.1=`:            {"updatedRefs.1", "updatedRefs has no item 1: its last is 0", "updatedRefs.0"},
		`repo.tags.3=x`:             {"repo.tags.3", "repo.tags has no items", "repo.tags.0"},
		`repo.nmae=`:                {"repo.nmae", "there is no repo.nmae", "repo.name"},
		`discussion.title=`:         {"discussion.title", "there is no discussion", ""},
		`updatedRefs.99999999999=1`: {"updatedRefs.99999999999", `updatedRefs is a list: want the number of an item, not "99999999999"`, ""},
	} {
		c, err := Parse(change)
		if err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		after, _, err := c.Apply([]byte(payload))
		var fault *Error
		if !errors.As(err, &fault) || *fault != *want {
			t.Errorf("%s: %#v and %s, want %#v", change, err, after, want)
		}
	}
}

func TestAChangeThatSurprisesIsNoted(t *testing.T) {
	for change, want := range map[string]*Note{
		`repo.nmae=x`:             {"repo.nmae", "repo.nmae is new", "repo.name"},
		`repo.extra=x`:            {"repo.extra", "repo.extra is new", ""},
		`repo.owner.id=x`:         {"repo.owner.id", "repo.owner is new", ""},
		`repo.private=yes`:        {"repo.private", "repo.private was a boolean and is a text now", ""},
		`repo.name=123`:           {"repo.name", "repo.name was a text and is a number now", `repo.name="123"`},
		`repo.name=me/x`:          nil,
		`repo.name=null`:          nil,
		`updatedRefs.0.oldSha=ab`: nil,
		`updatedRefs.1.ref=x`:     nil,
		`repo.private=`:           nil,
	} {
		c, err := Parse(change)
		if err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		_, note, err := c.Apply([]byte(payload))
		if err != nil || (note == nil) != (want == nil) || note != nil && *note != *want {
			t.Errorf("%s: %+v, %v, want %+v", change, note, err, want)
		}
	}
}

func TestWhatIsNoChangeIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"a=\x80":    "is not UTF-8",
		"":          "has no value",
		"repo.name": "has no value",
		"=x":        "has no path",
		"a..b=1":    "a part of the path is empty",
		"a.=1":      "a part of the path is empty",
		"..a=1":     "a part of the path is empty",
		"a[=1":      "a [ has no ]",
		`a["b=1`:    "the quotes in [ ] have no end",
		`a["b"=1`:   "a [ has no ]",
		`a[]=1`:     "a part of the path is empty",
		`["a"]b=1`:  `want a dot before "b=1"`,
	} {
		if c, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v, want an error with %q", text, c, err, want)
		}
	}
	c, err := Parse("a=1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Apply([]byte("{")); err == nil {
		t.Error("a payload that is not JSON can be changed")
	}
	if _, _, err := c.Apply([]byte(`"text"`)); err == nil || !strings.Contains(err.Error(), "the payload is a text") {
		t.Errorf("a payload that is a text: %v", err)
	}
}

func FuzzAChangeLeavesJSON(f *testing.F) {
	f.Add("repo.name=x", payload)
	f.Add("updatedRefs[0]=", `{"updatedRefs":[1],"updatedRefs":[2]}`)
	f.Add(`a["\u0000"].0={`, `[]`)
	f.Fuzz(func(t *testing.T, change, body string) {
		c, err := Parse(change)
		if err != nil {
			return
		}
		again, err := Parse(c.String() + "=1")
		if err != nil || again.String() != c.String() {
			t.Fatalf("the path %q is written as %q, which is %+v, %v", change, c, again, err)
		}
		if after, _, err := c.Apply([]byte(body)); err == nil && !json.Valid(after) {
			t.Fatalf("%q makes %q of %q", change, after, body)
		}
	})
}
