package config

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Source is the kind of place that a value is from.
type Source string

// The sources of values; those that are named first go before the others.
const (
	SourceFlag     Source = "flag"
	SourceVariable Source = "variable" // of the environment
	SourceFile     Source = "file"
	SourceDefault  Source = "default"
)

// Origin is where a value is from.
type Origin struct {
	Source       Source
	Name         string // of the flag or the variable, or the path of the file; empty for a default
	Line, Column int    // in the file, from 1; in characters
}

// String is the origin for people: "--forward", "HF_ENDPOINT", "/path/.hf-tap.toml:3",
// "default".
func (o Origin) String() string {
	switch o.Source {
	case SourceFile:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case SourceDefault:
		return string(SourceDefault)
	}
	return o.Name
}

// Value is the value of a key.
type Value struct {
	Texts  []string // the items of a list, else one text; a number in decimals
	Origin Origin
}

// Layer is the values of one source by the names of their keys.
type Layer map[string]Value

// Merge returns the values of all layers. For a key that several have, the first
// layer's counts.
func Merge(layers ...Layer) Layer {
	merged := Layer{}
	for _, layer := range layers {
		for name, value := range layer {
			if _, have := merged[name]; !have {
				merged[name] = value
			}
		}
	}
	return merged
}

// Environment returns the variables that go before the files, with their values as
// they may be shown.
func Environment(getenv func(string) string) Layer {
	layer := Layer{}
	for _, key := range Keys() {
		for _, variable := range key.Variables {
			text := strings.TrimSpace(getenv(variable))
			if text == "" {
				continue
			}
			if text = key.Shown(text); key.secret {
				text = event.Masked
			}
			layer[key.Name] = Value{[]string{text}, Origin{Source: SourceVariable, Name: variable}}
			break
		}
	}
	return layer
}

// Bell reports whether the terminal's bell rings when an event fails.
func (l Layer) Bell() bool {
	v, ok := l["bell"]
	return ok && v.Texts[0] == "failure"
}

// Retention is what [history] says.
func (l Layer) Retention() (r Retention) {
	if age, ok := l["history.max_age"]; ok {
		r.MaxAge, _ = ParseAge(age.Texts[0]) // checked when it was read
	}
	if size, ok := l["history.max_size"]; ok {
		r.MaxSize, _ = parseSize(size.Texts[0])
	}
	return r
}
