package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// at makes the places of tokens below a home folder.
func at(home string, pairs ...string) TokenEnv {
	return TokenEnv{Getenv: vars(pairs...), Home: func() (string, error) { return home, nil }}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstTokenThatIsThereIsTaken(t *testing.T) {
	home, other := t.TempDir(), t.TempDir()
	cache := filepath.Join(home, ".cache", "huggingface", "token")
	xdg := filepath.Join(other, "xdg", "huggingface", "token")
	hfHome := filepath.Join(other, "hf", "token")
	named := filepath.Join(home, "named")
	write(t, cache, "hf_cache\n")
	write(t, xdg, " hf_xdg \r\n\r\n")
	write(t, hfHome, "\ufeffhf_home")
	write(t, named, "hf_named")

	// From the weakest place to the strongest: each new one wins over all before.
	steps := []struct{ key, value, token, source string }{
		{"", "", "hf_cache", "~/.cache/huggingface/token"},
		{"XDG_CACHE_HOME", filepath.Join(other, "xdg"), "hf_xdg", xdg},
		{"HF_HOME", filepath.Join(other, "hf"), "hf_home", hfHome},
		{"HF_TOKEN_PATH", "~" + string(filepath.Separator) + "named", "hf_named", "~/named"},
		{"HUGGING_FACE_HUB_TOKEN", "hf_old", "hf_old", "HUGGING_FACE_HUB_TOKEN"},
		{"HF_TOKEN", " hf_env\n", "hf_env", "HF_TOKEN"},
	}
	var set []string
	for _, step := range steps {
		set = append(set, step.key, step.value)
		token, err := FindToken(at(home, set...), "", nil)
		if err != nil || token != (Token{Value: step.token, Source: step.source}) {
			t.Errorf("with %s: %s from %s, %v", step.key, token.Value, token.Source, err)
		}
	}
	// An empty variable is none.
	token, err := FindToken(at(home, "HF_TOKEN", " ", "HF_HOME", "", "HUGGING_FACE_HUB_TOKEN", "\n"), "", nil)
	if err != nil || token.Value != "hf_cache" {
		t.Errorf("with empty variables: %s, %v", token.Value, err)
	}
	// Variables within a path are filled in, unknown ones stay.
	token, err = FindToken(at(home, "HF_HOME", "$OTHER/hf", "OTHER", other), "", nil)
	if err != nil || token.Value != "hf_home" {
		t.Errorf("with a variable in the path: %s, %v", token.Value, err)
	}
}

func TestWhereThereIsNoTokenThatIsSaid(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "empty"), " \n")
	write(t, filepath.Join(home, ".cache", "huggingface", "token"), "hf_cache")
	nowhere := TokenEnv{Getenv: vars(), Home: func() (string, error) { return "", errors.New("$HOME is not defined") }}
	for name, c := range map[string]struct {
		env   TokenEnv
		words string
	}{
		"no home":         {nowhere, "no home folder"},
		"no home func":    {TokenEnv{Getenv: vars()}, "no home folder"},
		"no file":         {at(home, "HF_HOME", filepath.Join(home, "x")), "~/x/token holds none"},
		"an empty file":   {at(home, "HF_TOKEN_PATH", filepath.Join(home, "empty")), "~/empty holds none"},
		"not implicitly":  {at(home, "HF_TOKEN", "hf_a", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), "HF_HUB_DISABLE_IMPLICIT_TOKEN"},
		"a path of blank": {TokenEnv{Getenv: vars("HF_TOKEN_PATH", " "), Home: nil}, "no home folder"},
	} {
		token, err := FindToken(c.env, "", nil)
		if !errors.Is(err, ErrNoToken) || !strings.Contains(err.Error(), c.words) || token != (Token{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATokenFileThatCannotBeReadIsAnError(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".cache", "huggingface", "token"), 0o700); err != nil {
		t.Fatal(err) // a folder in the place of the file
	}
	_, err := FindToken(at(home), "", nil)
	var path *fs.PathError
	if !errors.As(err, &path) || errors.Is(err, ErrNoToken) {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeATokenIsNamedByItsPlaceAlone(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".cache", "huggingface", "token"), "hf_s3cret\nhf_other")
	write(t, filepath.Join(home, ".cache", "huggingface", "stored_tokens"), "[ci]\nhf_token = hf_s3cret x\n")
	for source, find := range map[string]func() (Token, error){
		"HF_TOKEN": func() (Token, error) { return FindToken(at(home, "HF_TOKEN", "hf_s3cret \x1b[m"), "", nil) },
		"HUGGING_FACE_HUB_TOKEN": func() (Token, error) {
			return FindToken(at(home, "HUGGING_FACE_HUB_TOKEN", "hf_s3cret\u00e9"), "", nil)
		},
		"~/.cache/huggingface/token": func() (Token, error) { return FindToken(at(home), "", nil) },
		`stored token "ci"`:          func() (Token, error) { return FindToken(at(home), "ci", nil) },
		"standard input":             func() (Token, error) { return FindToken(at(home), "-", strings.NewReader("hf_s3cret\x00")) },
	} {
		token, err := find()
		if !errors.Is(err, ErrBadToken) || !strings.Contains(err.Error(), "the token from "+source+" ") || strings.Contains(err.Error(), "s3cret") || token != (Token{}) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestANamedTokenIsFoundAmongTheStoredOnes(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".cache", "huggingface", "stored_tokens"), "# by hand\r\n[laptop]\r\nhf_token = hf_laptop\r\n\r\n"+
		"[ci job]\nexpires = 5\nHF_TOKEN:hf_ci=x:y\n\tmore\n; note\n[empty]\nhf_token =\n[broken\nhf_token = hf_lost\n[]\nhf_token = hf_nobody\n")
	env := at(home, "HF_TOKEN", "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1") // a named one is not implicit
	for name, want := range map[string]string{"laptop": "hf_laptop", "ci job": "hf_ci=x:y"} {
		token, err := FindToken(env, name, nil)
		if err != nil || token.Value != want || token.Source != fmt.Sprintf("stored token %q", name) {
			t.Errorf("%s: %q from %s, %v", name, token.Value, token.Source, err)
		}
	}
	for _, name := range []string{"other", "empty", "broken", "LAPTOP"} {
		_, err := FindToken(env, name, nil)
		want := fmt.Sprintf("%q: ~/.cache/huggingface/stored_tokens holds ci job, laptop", name)
		if !errors.Is(err, ErrNoToken) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// It stands beside the token file, wherever that is.
	write(t, filepath.Join(home, "x", "stored_tokens"), "[a]\nhf_token=hf_a")
	if token, err := FindToken(at(home, "HF_TOKEN_PATH", filepath.Join(home, "x", "y")), "a", nil); err != nil || token.Value != "hf_a" {
		t.Errorf("beside HF_TOKEN_PATH: %v", err)
	}
	if _, err := FindToken(at(t.TempDir()), "a", nil); !errors.Is(err, ErrNoToken) || !strings.Contains(err.Error(), "holds none") {
		t.Errorf("without the file: %v", err)
	}
	if _, err := FindToken(TokenEnv{Getenv: vars()}, "a", nil); !errors.Is(err, ErrNoToken) {
		t.Errorf("without a home: %v", err)
	}
}

func TestATokenInPlaceOfANameIsNotRepeated(t *testing.T) {
	_, err := FindToken(at(t.TempDir()), testToken, nil)
	if !errors.Is(err, ErrNoToken) || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "looks like a token itself") {
		t.Errorf("%v", err)
	}
}

func TestATokenIsReadFromStandardInput(t *testing.T) {
	token, err := FindToken(at(t.TempDir(), "HF_TOKEN", "hf_env"), "-", strings.NewReader("  hf_in\r\n"))
	if err != nil || token != (Token{Value: "hf_in", Source: "standard input"}) {
		t.Errorf("%q, %v", token.Value, err)
	}
	if _, err := FindToken(at(""), "-", strings.NewReader("\n")); !errors.Is(err, ErrNoToken) {
		t.Errorf("empty: %v", err)
	}
	if _, err := FindToken(at(""), "-", nil); !errors.Is(err, ErrNoToken) {
		t.Errorf("none: %v", err)
	}
	if _, err := FindToken(at(""), "-", iotest.ErrReader(errors.New("gone"))); err == nil || errors.Is(err, ErrNoToken) {
		t.Errorf("broken: %v", err)
	}
}

func TestATokenPrintsAsItsSource(t *testing.T) {
	token := Token{Value: "hf_s3cret", Source: "HF_TOKEN"}
	for _, verb := range []string{"%v", "%+v", "%s", "%q", "%#v"} {
		if s := fmt.Sprintf(verb, token); strings.Contains(s, "s3cret") || !strings.Contains(s, "HF_TOKEN") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestATokenInQuotesIsToldAsThat(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".cache", "huggingface", "token"), "'hf_s3cret'\n")
	write(t, filepath.Join(home, ".cache", "huggingface", "stored_tokens"), "[ci]\nhf_token = \"hf_s3cret\"\n")
	for name, find := range map[string]func() (Token, error){
		"double":  func() (Token, error) { return FindToken(at(home, "HF_TOKEN", `"hf_s3cret"`), "", nil) },
		"single":  func() (Token, error) { return FindToken(at(home, "HF_TOKEN", `'hf_s3cret'`), "", nil) },
		"half":    func() (Token, error) { return FindToken(at(home, "HF_TOKEN", `hf_s3cret"`), "", nil) },
		"curly":   func() (Token, error) { return FindToken(at(home, "HF_TOKEN", `“hf_s3cret”`), "", nil) },
		"a file":  func() (Token, error) { return FindToken(at(home), "", nil) },
		"stored":  func() (Token, error) { return FindToken(at(home), "ci", nil) },
		"by hand": func() (Token, error) { return FindToken(at(home), "-", strings.NewReader("\"hf_s3cret\"")) },
	} {
		if token, err := find(); !errors.Is(err, ErrQuotedToken) || strings.Contains(err.Error(), "s3cret") || token != (Token{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewClient(ClientConfig{Token: `"hf_s3cret"`}); !errors.Is(err, ErrQuotedToken) {
		t.Errorf("a client: %v", err)
	}
}
