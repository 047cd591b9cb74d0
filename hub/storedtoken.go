package hub

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// stored finds a token by the name under which "hf auth login" stored it, in
// the file beside the token file.
func (env TokenEnv) stored(name string) (Token, error) {
	path := env.tokenPath()
	if path == "" {
		return Token{}, fmt.Errorf("%w %q: there is no home folder to look in", ErrNoToken, name)
	}
	path = filepath.Join(filepath.Dir(path), "stored_tokens")
	text, err := readSmall(path)
	if err != nil {
		return Token{}, fmt.Errorf("read the stored tokens: %w", err)
	}
	tokens := parseStored(text)
	if value := tokens[name]; value != "" {
		return checked(value, fmt.Sprintf("stored token %q", name))
	}
	names := slices.Sorted(maps.Keys(tokens))
	switch {
	case looksLikeToken(name):
		// Not quoted, and said first: it is a secret already in the wrong place.
		return Token{}, fmt.Errorf("%w of that name: the value looks like a token itself, which others can see in the list of processes", ErrNoToken)
	case len(names) == 0:
		return Token{}, fmt.Errorf("%w %q: %s holds none", ErrNoToken, name, env.short(path))
	}
	return Token{}, fmt.Errorf("%w %q: %s holds %s", ErrNoToken, name, env.short(path), strings.Join(names, ", "))
}

// looksLikeToken reports whether a name has the form of the Hub's tokens.
func looksLikeToken(name string) bool {
	return len(name) > 20 && (strings.HasPrefix(name, "hf_") || strings.HasPrefix(name, "api_"))
}

// parseStored reads the INI file of stored tokens, written by Python's
// configparser: a section for each name, in it the key hf_token. What cannot
// be read is passed over.
func parseStored(text string) map[string]string {
	tokens := make(map[string]string)
	section := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue // the rest of a value of several lines, which a token is not
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section = ""
			if end := strings.LastIndexByte(line, ']'); end > 0 {
				section = line[1:end]
			}
			continue
		}
		i := strings.IndexAny(line, "=:")
		if i < 0 || section == "" || !strings.EqualFold(strings.TrimSpace(line[:i]), "hf_token") {
			continue
		}
		if value := strings.TrimSpace(line[i+1:]); value != "" {
			tokens[section] = value
		}
	}
	return tokens
}

// StoredTokens returns the names of the tokens that "hf auth login" stored, sorted. It is
// empty if there are none, or if they cannot be read.
func StoredTokens(env TokenEnv) []string {
	path := env.tokenPath()
	if path == "" {
		return nil
	}
	text, err := readSmall(filepath.Join(filepath.Dir(path), "stored_tokens"))
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(parseStored(text)))
}
