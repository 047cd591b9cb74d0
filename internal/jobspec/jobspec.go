// Package jobspec reads and checks the specification of a Job that a webhook
// starts, before the Hub is asked. Its rules are those of the Hub's OpenAPI document.
package jobspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// maxSize is more than any specification needs, in bytes.
const maxSize = 256 << 10

// Error says what is wrong with a specification. It quotes no values of the
// environment and of secrets.
type Error struct {
	Problem string
	Instead string // what to write in its place, empty if that is not known
}

// Error returns the problem.
func (e *Error) Error() string { return e.Problem }

// ReadFile reads a specification in JSON or YAML from a file, and returns it as JSON.
// The error is an [*Error] if the content is wrong.
func ReadFile(name string) (json.RawMessage, error) {
	// Not blocking: a named pipe would be waited for.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxSize:
		return nil, fmt.Errorf("it has more than %d KiB", maxSize>>10)
	}
	return Parse(b)
}

// Parse reads a specification in JSON or YAML, and returns it as JSON. The error is
// an [*Error].
func Parse(b []byte) (json.RawMessage, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, &Error{Problem: "it is empty", Instead: "flavor: cpu-basic"}
	}
	if bytes.TrimSpace(b)[0] != '{' {
		var err error
		if b, err = fromYAML(b); err != nil {
			return nil, &Error{Problem: err.Error()}
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var spec any
	if err := dec.Decode(&spec); err != nil {
		return nil, &Error{Problem: jsonProblem(b, err)}
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, &Error{Problem: "something follows the JSON object"}
	}
	fields, ok := spec.(map[string]any)
	if !ok {
		return nil, &Error{Problem: "it is not an object of keys and values"}
	}
	if err := check(fields); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// fromYAML returns one YAML document as JSON.
func fromYAML(b []byte) ([]byte, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var spec any
	// The decoder refuses aliases that make a document much larger than it is.
	if err := dec.Decode(&spec); err != nil {
		return nil, err
	}
	if err := dec.Decode(new(any)); err != io.EOF {
		return nil, errors.New("yaml: there is more than one document")
	}
	b, err := json.Marshal(spec)
	if err != nil { // a key that is not a string, or a number that JSON does not have
		return nil, errors.New("yaml: a key is not a text, or a number is not finite")
	}
	return b, nil
}

// jsonProblem names the line of an error.
func jsonProblem(b []byte, err error) string {
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		line := 1 + bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
		return fmt.Sprintf("line %d: invalid JSON: %v", line, err)
	}
	return "invalid JSON: " + err.Error()
}
