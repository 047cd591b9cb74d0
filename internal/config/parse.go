package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/hf-tap/hf-tap/internal/nearest"
)

// File is a configuration file that has been read and checked.
type File struct {
	Path    string
	Own     bool // the user's own, not a project's
	Content []byte
	Values  Layer
}

// Error is what is wrong in a configuration file.
type Error struct {
	Path         string
	Line, Column int // from 1; in characters
	Err          error
	Hint         string // what to write instead
}

// Error is the place, as compilers write it, and what is wrong there.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.Path, e.Line, e.Column, e.Err)
}

// Unwrap is what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Parse reads the content of a file; own says whether it is the user's. The error is
// an *Error with the first thing that is wrong.
func Parse(path string, content []byte, own bool) (*File, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	p := &parser{File: &File{Path: path, Own: own, Content: content, Values: Layer{}}}
	if err := p.checkSyntax(); err != nil {
		return nil, err
	}
	// The decoder has no positions of values; this parser has.
	p.toml.Reset(content)
	var table []string
	for p.toml.NextExpression() {
		node := p.toml.Expression()
		var err error
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = parts(node)
			err = p.checkTable(table, node)
		case unstable.KeyValue:
			err = p.keyValue(table, node)
		}
		if err != nil {
			return nil, err
		}
	}
	return p.File, nil
}

type parser struct {
	*File
	toml unstable.Parser
}

// checkSyntax reports what is not TOML: also what is defined twice.
func (p *parser) checkSyntax() error {
	if i := invalidUTF8(p.Content); i >= 0 {
		return p.wrong(i, errors.New("the file is not text in UTF-8"), "save it as UTF-8 in your editor")
	}
	var all map[string]any
	err := toml.Unmarshal(p.Content, &all)
	var syntax *toml.DecodeError
	switch {
	case errors.As(err, &syntax):
		line, column := syntax.Position()
		offset := 0
		for range line - 1 {
			offset += bytes.IndexByte(p.Content[offset:], '\n') + 1
		}
		return p.wrong(min(offset+column-1, len(p.Content)), errors.New(strings.TrimPrefix(syntax.Error(), "toml: ")), `a line of the file is like: forward = ["7860"]`)
	case err != nil:
		return p.wrong(0, err, `a line of the file is like: forward = ["7860"]`)
	}
	return nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// wrong is an error at a byte of the file.
func (p *parser) wrong(offset int, err error, hint string) error {
	line, column := p.position(offset)
	return &Error{p.Path, line, column, err, hint}
}

func (p *parser) position(offset int) (line, column int) {
	before := p.Content[:offset]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

// parts are the parts of a dotted key.
func parts(node *unstable.Node) (names []string) {
	for key := node.Key(); key.Next(); {
		names = append(names, string(key.Node().Data))
	}
	return names
}

// start is where a key begins.
func start(node *unstable.Node) int {
	key := node.Key()
	key.Next()
	return int(key.Node().Raw.Offset)
}

func (p *parser) checkTable(table []string, node *unstable.Node) error {
	name := strings.Join(table, ".")
	if isTable(name) && node.Kind == unstable.Table {
		return nil
	}
	if key, known := lookUp(name); known {
		return p.wrong(start(node), fmt.Errorf("%s is not a table", name), key.example)
	}
	return p.wrong(start(node), fmt.Errorf("unknown table %q", name), "write its keys above all tables; the only table is [history]")
}

// keyValue reads a value: that of a key, or a table in braces.
func (p *parser) keyValue(table []string, node *unstable.Node) error {
	full := append(table[:len(table):len(table)], parts(node)...)
	name, at := strings.Join(full, "."), start(node)
	key, known := lookUp(name)
	switch {
	case known && key.Own && !p.Own:
		return p.wrong(at, fmt.Errorf("%s is read from your own configuration only, not from a project's", name),
			"move it to your own file, which this shows: hf-tap config show")
	case known:
		return p.value(key, at, node.Value())
	case node.Value().Kind == unstable.InlineTable && isTable(name):
		for inner := node.Value().Children(); inner.Next(); {
			if err := p.keyValue(full, inner.Node()); err != nil {
				return err
			}
		}
		return nil
	}
	return p.wrong(at, fmt.Errorf("unknown key %q", name), keyHint(name))
}

func lookUp(name string) (Key, bool) {
	for _, key := range Keys() {
		if key.Name == name {
			return key, true
		}
	}
	return Key{}, false
}

func isTable(name string) bool { return len(keysOf(name)) > 0 }

// keysOf returns the names of the keys in a table.
func keysOf(table string) (names []string) {
	for _, key := range Keys() {
		if inner, ok := strings.CutPrefix(key.Name, table+"."); ok {
			names = append(names, inner)
		}
	}
	return names
}

// keyHint names the key that an unknown one was probably meant to be.
func keyHint(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	outer, inner := "", name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		outer, inner = name[:i], name[i+1:]
	}
	var names []string
	for _, key := range Keys() {
		table, last, inTable := strings.Cut(key.Name, ".")
		if inTable && nearest.Word(inner, []string{last}) != "" {
			return "did you mean " + last + " in the table [" + table + "]?"
		}
		names = append(names, key.Name)
	}
	switch near := nearest.Word(inner, names); {
	case isTable(outer):
		return "[" + outer + "] has " + strings.Join(keysOf(outer), " and ")
	case near != "":
		return "did you mean " + near + "?"
	}
	return "hf-tap config show lists all keys"
}

// value checks the value of a key and keeps it.
func (p *parser) value(key Key, at int, node *unstable.Node) error {
	line, column := p.position(at)
	value := Value{Texts: []string{}, Origin: Origin{SourceFile, p.Path, line, column}}
	items := []*unstable.Node{node}
	if node.Kind == unstable.Array && key.List {
		items = nil
		for item := node.Children(); item.Next(); {
			items = append(items, item.Node())
		}
	}
	for _, item := range items {
		at := at
		if item.Raw.Length > 0 {
			at = int(item.Raw.Offset)
		}
		text, err := key.text(item)
		if err == nil {
			err = key.check(text)
		}
		if err != nil {
			return p.wrong(at, fmt.Errorf("%s: %w", key.Name, err), key.hint(item))
		}
		if key.path {
			text = p.resolved(text)
		}
		value.Texts = append(value.Texts, text)
	}
	p.Values[key.Name] = value
	return nil
}

// text reads a value that is not a list.
func (k Key) text(node *unstable.Node) (string, error) {
	switch {
	case k.Number && node.Kind == unstable.Integer:
		n, err := strconv.ParseInt(string(node.Data), 0, 64)
		if err != nil {
			return "", errors.New("the number is too large")
		}
		return strconv.FormatInt(n, 10), nil
	case k.Number:
		return "", fmt.Errorf("want a number without quotes, not %s", kindName(node.Kind))
	case node.Kind != unstable.String && k.List:
		return "", fmt.Errorf("want a list of texts in quotes, not %s", kindName(node.Kind))
	case node.Kind != unstable.String:
		return "", fmt.Errorf("want a text in quotes, not %s", kindName(node.Kind))
	case strings.TrimSpace(string(node.Data)) == "":
		return "", errors.New("it is empty: leave it out")
	}
	return string(node.Data), nil
}

// hint is a line that a wrong value was probably meant to be, else an example.
func (k Key) hint(node *unstable.Node) string {
	if number := string(node.Data); node.Kind == unstable.Integer && k.List && k.check(number) == nil {
		return fmt.Sprintf("%s = [%q]", k.Name, number)
	}
	return k.example
}

func kindName(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a text"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Bool:
		return "true or false"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date or a time"
}

// resolved is a path of a file as others use it: "~" is the home folder, and a
// relative path begins at the folder of the file.
func (p *parser) resolved(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home, err := os.UserHomeDir(); err == nil {
			path = home + rest
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(p.Path), path)
	}
	return path
}
