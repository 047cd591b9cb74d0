package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The errors of [FindToken] and [NewClient] about a token.
var (
	ErrNoToken  = errors.New("there is no Hugging Face token")
	ErrBadToken = errors.New("it has a space, a control character or a character outside ASCII")
	// ErrQuotedToken says that the quotes of a shell or an .env file are part of the
	// text.
	ErrQuotedToken = errors.New("it is in quotes")
)

// Token is a token and its source. It prints as the source alone.
type Token struct {
	Value  string
	Source string // for messages: "HF_TOKEN", "~/.cache/huggingface/token", `stored token "ci"`
}

// String returns the source. The value does not get into logs.
func (t Token) String() string { return t.Source }

// GoString returns the source, for %#v.
func (t Token) GoString() string { return fmt.Sprintf("hub.Token{Source: %q}", t.Source) }

// TokenEnv is where [FindToken] looks: the environment and the home folder.
type TokenEnv struct {
	Getenv func(string) string    // os.Getenv
	Home   func() (string, error) // os.UserHomeDir; an error means that there is none
}

// FindToken finds the user's token. With an empty name, it is the first of
// HF_TOKEN, HUGGING_FACE_HUB_TOKEN and the token file, as in huggingface_hub; if
// HF_HUB_DISABLE_IMPLICIT_TOKEN is set, there is none. Another name is that of a
// token which "hf auth login" stored, and "-" means standard input. stdin is read
// only then, and may be nil otherwise. White space around a token is ignored, and
// an empty token counts as missing.
//
// The error is [ErrNoToken] if there is no token, and [ErrBadToken] or
// [ErrQuotedToken] if the text cannot be one. For an unknown name it lists the
// stored names. No error has a token in it.
func FindToken(env TokenEnv, name string, stdin io.Reader) (Token, error) {
	switch name {
	case "":
		return env.implicit()
	case "-":
		return fromReader(stdin)
	}
	return env.stored(name)
}

func (env TokenEnv) implicit() (Token, error) {
	if truthy(env.Getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return Token{}, fmt.Errorf("%w: HF_HUB_DISABLE_IMPLICIT_TOKEN is set, and no token was named", ErrNoToken)
	}
	for _, key := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if value := strings.TrimSpace(env.Getenv(key)); value != "" {
			return checked(value, key)
		}
	}
	path := env.tokenPath()
	if path == "" {
		return Token{}, fmt.Errorf("%w: HF_TOKEN is not set, and there is no home folder to look in", ErrNoToken)
	}
	source := env.short(path)
	text, err := readSmall(path)
	if err != nil {
		return Token{}, fmt.Errorf("read the token file: %w", err)
	}
	if text == "" {
		return Token{}, fmt.Errorf("%w: HF_TOKEN is not set, and %s holds none", ErrNoToken, source)
	}
	return checked(text, source)
}

// tokenPath is where "hf auth login" puts the token, "" when no home folder is
// known.
func (env TokenEnv) tokenPath() string {
	if path := env.path("HF_TOKEN_PATH"); path != "" {
		return path
	}
	if home := env.path("HF_HOME"); home != "" {
		return filepath.Join(home, "token")
	}
	if cache := env.path("XDG_CACHE_HOME"); cache != "" {
		return filepath.Join(cache, "huggingface", "token")
	}
	if home := env.home(); home != "" {
		return filepath.Join(home, ".cache", "huggingface", "token")
	}
	return ""
}

// path reads a variable that holds a path, in which "~" and other variables
// are filled in, as huggingface_hub does. A variable that is not set stays as
// it is written.
func (env TokenEnv) path(key string) string {
	path := strings.TrimSpace(env.Getenv(key))
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home := env.home(); home != "" {
			path = home + rest
		}
	}
	return os.Expand(path, func(name string) string {
		if value := env.Getenv(name); value != "" {
			return value
		}
		return "$" + name
	})
}

func (env TokenEnv) home() string {
	if env.Home == nil {
		return ""
	}
	home, err := env.Home()
	if err != nil {
		return ""
	}
	return home
}

// short returns a path as people write it, with "~" for the home folder.
func (env TokenEnv) short(path string) string {
	home := env.home()
	if rest, ok := strings.CutPrefix(path, home); ok && home != "" && strings.HasPrefix(rest, string(filepath.Separator)) {
		return "~" + filepath.ToSlash(rest)
	}
	return path
}

func fromReader(stdin io.Reader) (Token, error) {
	if stdin == nil {
		return Token{}, fmt.Errorf("%w: there is no standard input to read it from", ErrNoToken)
	}
	b, err := io.ReadAll(io.LimitReader(stdin, maxTokenFile))
	if err != nil {
		return Token{}, fmt.Errorf("read the token from standard input: %w", err)
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return Token{}, fmt.Errorf("%w on standard input", ErrNoToken)
	}
	return checked(value, "standard input")
}

// checked makes a Token of a found text, or returns an error if the text cannot be one.
func checked(value, source string) (Token, error) {
	if err := checkToken(value); err != nil {
		return Token{}, fmt.Errorf("the token from %s is not valid: %w", source, err)
	}
	return Token{Value: value, Source: source}, nil
}

// checkToken returns an error for characters that no token has: a line end would begin
// another header.
func checkToken(value string) error {
	if strings.Trim(value, "\"'`“”‘’") != value {
		return ErrQuotedToken
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ErrBadToken
	}
	return nil
}

// maxTokenFile is how much of a file with tokens is read, in bytes.
const maxTokenFile = 1 << 20

// readSmall reads a small file, without the blanks around its text. A file that is too
// large is an error. A missing file is empty.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTokenFile))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff")), nil
}
