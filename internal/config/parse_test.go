package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// texts are the values of a layer without their origins.
func texts(l Layer) map[string][]string {
	all := map[string][]string{}
	for name, value := range l {
		all[name] = value.Texts
	}
	return all
}

func TestAProjectsFileSaysWhatIsReceived(t *testing.T) {
	f, err := Parse("/p/.hf-tap.toml", []byte("\ufeff"+`# what is watched
watch = ["model:me/my-model", 'dataset:me/d']
domain = "discussion"   # one is a list, too

forward = [
  "discussion.*=3000/bot",
  "default=8000", # the rest
]
exec = []
until = 'discussion.* .discussion.title =~ "x"'
concurrency = 1_0
retry = 0x3
timeout = "1m30s"
`), false)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"watch": {"model:me/my-model", "dataset:me/d"}, "domain": {"discussion"}, "forward": {"discussion.*=3000/bot", "default=8000"}, "exec": {},
		"until": {`discussion.* .discussion.title =~ "x"`}, "concurrency": {"10"}, "retry": {"3"}, "timeout": {"1m30s"},
	}
	if diff := cmp.Diff(want, texts(f.Values)); diff != "" {
		t.Error(diff)
	}
	if at := f.Values["forward"].Origin; at != (Origin{SourceFile, "/p/.hf-tap.toml", 5, 1}) || at.String() != "/p/.hf-tap.toml:5" {
		t.Errorf("forward is from %v", at)
	}
}

func TestAUsersFileSaysHowTheHubIsReached(t *testing.T) {
	f, err := Parse("/home/me/.config/hf-tap/config.toml", []byte(`
token = "ci"
secret_file = "secret"
ca = "/etc/company.pem"
no_proxy = ["a.example", "10.0.0.0/8"]
port = 4567
forward = "7860"

[history]
max_age = "30d"
"max_size" = "500MB"
`), true)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"token": {"ci"}, "secret_file": {filepath.FromSlash("/home/me/.config/hf-tap/secret")}, "ca": {"/etc/company.pem"}, "no_proxy": {"a.example", "10.0.0.0/8"},
		"port": {"4567"}, "forward": {"7860"}, "history.max_age": {"30d"}, "history.max_size": {"500MB"},
	}
	if diff := cmp.Diff(want, texts(f.Values)); diff != "" {
		t.Error(diff)
	}
	if got := f.Values.Retention(); got != (Retention{30 * 24 * time.Hour, 500 << 20}) {
		t.Errorf("the history keeps %+v", got)
	}
	for _, text := range []string{`history = {max_age = "30d"}`, `history.max_age = "30d"`} {
		if f, err := Parse("x", []byte(text), true); err != nil || f.Values.Retention().MaxAge != 30*24*time.Hour {
			t.Errorf("%s: %v", text, err)
		}
	}
	if got := (Layer{}).Retention(); got != (Retention{}) {
		t.Errorf("without a file, it keeps %+v", got)
	}
}

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		text  string
		own   bool
		place string
		want  string // in the error
		hint  string
	}{
		{text: "watch = [\"model:me/m\"", place: "1:21", want: "array", hint: "forward ="},
		{text: "watch = []\nretry = = 1", place: "2:9"},
		{text: "retry = 1\n\n  retry = 2", place: "3:3", want: "retry"},
		{text: "ä = 1", place: "1:1", want: "invalid"},
		{text: "# ä \xff", place: "1:5", want: "UTF-8", hint: "save it as UTF-8"},
		{text: "\xff\xfew\x00a\x00", place: "1:1", want: "UTF-8"},
		{text: "watch = \"a\x00b\"", place: "1:11"},
		{text: "#\nforwrd = ['7860']", place: "2:1", want: `unknown key "forwrd"`, hint: "did you mean forward?"},
		{text: "wait-target = '1m'", place: "1:1", want: `unknown key "wait-target"`, hint: "did you mean wait_target?"},
		{text: "max_age = '30d'", own: true, place: "1:1", hint: "max_age in the table [history]"},
		{text: "colour = 1", place: "1:1", want: "unknown key", hint: "hf-tap config show lists all keys"},
		{text: "[history]\nage = '30d'", own: true, place: "2:1", want: `unknown key "history.age"`, hint: "[history] has max_age and max_size"},
		{text: "x = {y = 1}", place: "1:1", want: `unknown key "x"`},
		{text: "history = {max_ago = '30d'}", own: true, place: "1:12", hint: "did you mean max_age in the table [history]?"},
		{text: "[listen]\nforward = '7860'", place: "1:2", want: `unknown table "listen"`, hint: "above all tables"},
		{text: "[[history]]\nmax_age = '30d'", own: true, place: "1:3", want: `unknown table "history"`},
		{text: "[forward]\nx = 1", place: "1:2", want: "forward is not a table"},
		{text: "forward = 7860", place: "1:11", want: "forward: want a list of texts in quotes, not a number", hint: `forward = ["7860"]`},
		{text: "forward = [\n  '3000',\n  7860]", place: "3:3", want: "not a number"},
		{text: "forward = [['3000']]", place: "1:1", want: "not a list"},
		{text: "forward = {a = 1}", place: "1:11", want: "not a table"},
		{text: "until = ['a']", place: "1:1", want: "want a text in quotes, not a list"},
		{text: "until = ''", place: "1:9", want: "it is empty"},
		{text: "retry = '3'", place: "1:9", want: "want a number without quotes, not a text", hint: "retry = 3"},
		{text: "retry = 1.5", place: "1:9", want: "not a number"},
		{text: "retry = -1", place: "1:9", want: "-1 is not a number from 0"},
		{text: "retry = 99999999999999999999", place: "1:9"},
		{text: "concurrency = 0", place: "1:15", want: "from 1"},
		{text: "timeout = 30", place: "1:11", want: "want a text in quotes", hint: `timeout = "30s"`},
		{text: "timeout = '30'", place: "1:11", want: `"30" is not a duration`},
		{text: "timeout = 1979-05-27", place: "1:11", want: "not a date"},
		{text: "watch = ['model:me/m', 'modl:me/m']", place: "1:24", want: "watch:", hint: `watch = ["model:me/my-model"]`},
		{text: "domain = 'discusion'", place: "1:10", want: "discusion"},
		{text: "forward = 'discusion.*=3000'", place: "1:11", want: "discusion"},
		{text: "forward = 'http://me:pass@:99999/'", place: "1:11", want: "99999"},
		{text: "exec = 'default='", place: "1:8", want: "empty"},
		{text: "until = 'kind:discusion.*'", place: "1:9", want: "discusion"},
		{text: "respond = 'relai'", place: "1:11", want: `did you mean "relay"`},
		{text: "\n token = 'x'", place: "2:2", want: "token is read from your own configuration only", hint: "hf-tap config show"},
		{text: "[history]\nmax_age = '1h'", place: "2:1", want: "your own configuration only"},
		{text: "token = 'hf_abcdefgh'", own: true, place: "1:9", want: "looks like a token"},
		{text: "token = '-'", own: true, place: "1:9", want: "standard input"},
		{text: "endpoint = 'huggingface.co'", own: true, place: "1:12", want: "huggingface.co"},
		{text: "proxy = 'ftp://me:secret@proxy'", own: true, place: "1:9", want: "ftp"},
		{text: "tunnel = 'ngork'", own: true, place: "1:10", want: `did you mean "ngrok"`},
		{text: "tunnel = 'zzz'", own: true, place: "1:10", want: "zzz"},
		{text: "public_url = 'http://example.com'", own: true, place: "1:14", want: "not encrypted"},
		{text: "port = 70000", own: true, place: "1:8", want: "70000"},
		{text: "gradio_server = 'x'", own: true, place: "1:17", want: "host:port"},
		{text: "history.max_age = '30m'", own: true, place: "1:19", want: "hours, days or weeks"},
		{text: "history.max_size = 500", own: true, place: "1:20", want: "in quotes", hint: `max_size = "500MB"`},
		{text: "history.max_size = '500'", own: true, place: "1:20", want: "KB, MB or GB"},
		{text: strings.Repeat("[", 60000), place: "1:"},
		{text: "forward = " + strings.Repeat("[", 60000), place: "1:"},
	} {
		_, err := Parse("f.toml", []byte(c.text), c.own)
		short := c.text[:min(len(c.text), 60)]
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q: the error is %v", short, err)
			continue
		}
		if !strings.HasPrefix(wrong.Error(), "f.toml:"+c.place) || !strings.Contains(wrong.Error(), c.want) || !strings.Contains(wrong.Hint, c.hint) {
			t.Errorf("%q: %q, hint %q; want it at %s, with %q and the hint %q", short, wrong, wrong.Hint, c.place, c.want, c.hint)
		}
		if strings.Contains(wrong.Error(), "secret@") || strings.Contains(wrong.Error(), "pass@") || strings.Contains(wrong.Error(), "hf_abc") {
			t.Errorf("%q: the error shows a secret: %v", short, wrong)
		}
	}
}

func TestTheExampleOfEachKeyIsValid(t *testing.T) {
	for _, key := range Keys() {
		table, _, inTable := strings.Cut(key.Name, ".")
		line, _, _ := strings.Cut(key.example, ", a name")
		if inTable {
			line = "[" + table + "]\n" + line
		}
		f, err := Parse("f.toml", []byte(line), true)
		if err != nil || len(f.Values[key.Name].Texts) != 1 {
			t.Errorf("%s: %q is %v, %v", key.Name, line, f, err)
		}
		if _, err := Parse("f.toml", []byte(line), false); (err != nil) != key.Own {
			t.Errorf("%s: a project's file may have it: %v", key.Name, !key.Own)
		}
	}
}

func TestTheFirstLayerCounts(t *testing.T) {
	layer := func(text string, names ...string) Layer {
		l := Layer{}
		for _, name := range names {
			l[name] = Value{Texts: []string{text}}
		}
		return l
	}
	got := Merge(layer("flag", "a"), nil, layer("project", "a", "b"), layer("user", "a", "b", "c"))
	if diff := cmp.Diff(map[string][]string{"a": {"flag"}, "b": {"project"}, "c": {"user"}}, texts(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTheEnvironmentIsShownWithoutItsSecrets(t *testing.T) {
	env := map[string]string{"HF_TOKEN": "hf_secret", "WEBHOOK_SECRET": "secret", "https_proxy": "http://me:secret@proxy:1", "ALL_PROXY": "socks5://other", "HF_ENDPOINT": "https://hub.example", "NO_PROXY": " "}
	got := Environment(func(name string) string { return env[name] })
	if strings.Contains(fmt.Sprint(got), "secret@") || strings.Contains(fmt.Sprint(got), "hf_secret") || strings.Contains(fmt.Sprint(got["secret_file"].Texts), "secret") {
		t.Errorf("it shows a secret: %v", got)
	}
	if got["endpoint"].Texts[0] != "https://hub.example" || got["proxy"].Origin.Name != "https_proxy" || len(got) != 4 {
		t.Errorf("got %v", got)
	}
}

func TestValuesAreShownWithoutPasswords(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"forward", "discussion.*=http://me:pw@app:80/x?secret=s", "discussion.*=http://me:***@app:80/x?secret=***"},
		{"forward", "default=8000", "default=http://127.0.0.1:8000"},
		{"exec", "repo.*=curl -H x --token abc", "repo.*=curl -H x --token ***"},
		{"proxy", "http://me:pw@proxy:1", "http://me:xxxxx@proxy:1"},
		{"watch", "model:me/m", "model:me/m"},
	} {
		key, _ := lookUp(c.key)
		if got := key.Shown(c.text); got != c.want {
			t.Errorf("%s %q is shown as %q, want %q", c.key, c.text, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"watch = ['model:me/m']\n[history]\nmax_age = '30d'", "history = {max_age = '30d', max_size = '1GB'}", "a.b.c = 1", "[[x]]\ny = [1, {z = 2}]",
		"forward = ['''\nx''', \"\"\"\\u0000\"\"\"]", "\ufeffretry = 1", "x = 1\r\ny = \xff", "until = '", "[a]\n[a]", "retry = 0x_1", "ca = '~'", "ca = '~/x'\ntoken=\"hf_\"",
	} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, content []byte, own bool) {
		file, err := Parse("f.toml", content, own)
		var wrong *Error
		switch {
		case err == nil:
			for name, value := range file.Values {
				if key, known := lookUp(name); !known || key.Own && !own || !key.List && len(value.Texts) != 1 || value.Origin.Line < 1 || value.Origin.Column < 1 {
					t.Errorf("%s is %+v", name, value)
				}
			}
		case !errors.As(err, &wrong) || wrong.Line < 1 || wrong.Column < 1:
			t.Errorf("the error has no place: %v", err)
		}
	})
}
