package jobspec

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/nearest"
)

// flavors are the machines that the Hub's OpenAPI document lists.
var flavors = strings.Fields(`cpu-basic cpu-upgrade cpu-performance cpu-xl sprx8 zero-a10g t4-small t4-medium
	l4x1 l4x4 l40sx1 l40sx4 l40sx8 a10g-small a10g-large a10g-largex2 a10g-largex4 a100-large a100x4 a100x8
	h200 h200x2 h200x4 h200x8 rtx-pro-6000 rtx-pro-6000x2 rtx-pro-6000x4 rtx-pro-6000x8 inf2x6`)

// otherNames are keys by what huggingface_hub and others call them.
var otherNames = map[string]string{
	"image": "dockerImage", "docker_image": "dockerImage", "space": "spaceId", "space_id": "spaceId", "env": "environment",
	"args": "arguments", "timeout": "timeoutSeconds", "timeout_seconds": "timeoutSeconds", "resource_group_id": "resourceGroupId",
	"mount_path": "mountPath", "read_only": "readOnly", "ports_public": "portsPublic",
}

// rule checks a value. key is what errors call it.
type rule func(key string, value any) error

const maxInteger = 1<<53 - 1

// webhookJob is a Job of a webhook.
var webhookJob = object(map[string]rule{
	"dockerImage": text(".+"), "spaceId": text(".+"),
	"environment": namedTexts(`^[a-zA-Z][_a-zA-Z0-9]+$`, ""),
	"secrets":     namedTexts(`^[a-zA-Z][_a-zA-Z0-9]*$`, ""),
	"arguments":   list(0, math.MaxInt, text("")),
	"command":     list(1, math.MaxInt, text(".")),
	"flavor":      word(flavors...),
	"arch":        word("amd64", "arm64"),
	"timeoutSeconds": func(key string, value any) error {
		if value == nil {
			return nil
		}
		return integer(1, maxInteger)(key, value)
	},
	"attempts": integer(1, maxInteger),
	"labels":   namedTexts(`^[a-zA-Z0-9._-]{1,100}$`, `^[a-zA-Z0-9._-]{0,100}$`),
	"volumes": list(1, math.MaxInt, object(map[string]rule{
		"type": word("bucket", "model", "dataset", "space"), "source": text(""), "mountPath": text("^/"),
		"revision": text(""), "readOnly": boolean, "path": text(""),
	}, "type", "source", "mountPath")),
	"expose": object(map[string]rule{
		"ports": list(0, 20, integer(1, 65535)), "portsPublic": list(0, 20, integer(1, 65535)),
	}, "ports"),
	"ssh":             object(map[string]rule{"enabled": boolean}),
	"resourceGroupId": text("^[0-9a-fA-F]{24}$"),
}, "flavor")

func check(spec map[string]any) error {
	if err := webhookJob("", spec); err != nil {
		return err
	}
	_, image := spec["dockerImage"]
	_, space := spec["spaceId"]
	switch {
	case image && space:
		return &Error{Problem: "it has both a dockerImage and a spaceId: a Job runs in one of them"}
	case !image && !space:
		return &Error{Problem: "it has no dockerImage and no spaceId: a Job runs in one of them", Instead: "dockerImage: python:3.12"}
	}
	return nil
}

func wrong(key, want string) error {
	return &Error{Problem: fmt.Sprintf("%q must be %s", key, want)}
}

// object is a rule for an object with certain keys.
func object(rules map[string]rule, required ...string) rule {
	return func(key string, value any) error {
		fields, ok := value.(map[string]any)
		if !ok {
			return wrong(key, "an object")
		}
		if key != "" {
			key += "."
		}
		known := slices.Sorted(maps.Keys(rules))
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if rules[name] == nil {
				instead := otherNames[name]
				if rules[instead] == nil {
					instead = nearest.Word(name, known)
				}
				return &Error{Problem: fmt.Sprintf("%q is not a key that a Job has: %s", key+name, strings.Join(known, ", ")), Instead: instead}
			}
			if err := rules[name](key+name, fields[name]); err != nil {
				return err
			}
		}
		for _, name := range required {
			if _, ok := fields[name]; !ok {
				return &Error{Problem: fmt.Sprintf("%q is missing", key+name)}
			}
		}
		return nil
	}
}

// text is a rule for a string.
func text(pattern string) rule {
	fits := regexp.MustCompile("(?s)" + pattern)
	return func(key string, value any) error {
		s, ok := value.(string)
		switch {
		case !ok:
			return mustBeString(key, value)
		case s == "" && !fits.MatchString(""):
			return wrong(key, "a string that is not empty")
		case !fits.MatchString(s):
			return wrong(key, "a string that matches "+pattern)
		}
		return nil
	}
}

// mustBeString has the remedy for numbers and true in YAML. The value is not quoted:
// it may be a secret.
func mustBeString(key string, value any) error {
	switch value.(type) {
	case json.Number, bool:
		return &Error{Problem: fmt.Sprintf("%q must be a string: put it in quotes", key)}
	}
	return wrong(key, "a string")
}

// namedTexts is a rule for an object of strings.
func namedTexts(names, values string) rule {
	nameFits, each := regexp.MustCompile(names), text(values)
	return func(key string, value any) error {
		fields, ok := value.(map[string]any)
		if !ok {
			return wrong(key, "an object of names and strings")
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !nameFits.MatchString(name) {
				return &Error{Problem: fmt.Sprintf("the name %q in %q must match %s", name, key, names)}
			}
			if err := each(key+"."+name, fields[name]); err != nil {
				return err
			}
		}
		return nil
	}
}

func list(least, most int, each rule) rule {
	return func(key string, value any) error {
		items, ok := value.([]any)
		switch {
		case !ok:
			return wrong(key, "a list")
		case len(items) < least:
			return wrong(key, fmt.Sprintf("a list of at least %d", least))
		case len(items) > most:
			return wrong(key, fmt.Sprintf("a list of at most %d", most))
		}
		for i, item := range items {
			if err := each(fmt.Sprintf("%s.%d", key, i), item); err != nil {
				return err
			}
		}
		return nil
	}
}

func word(words ...string) rule {
	return func(key string, value any) error {
		s, ok := value.(string)
		if !ok || !slices.Contains(words, s) {
			return &Error{Problem: fmt.Sprintf("%q must be one of %s", key, strings.Join(words, ", ")), Instead: nearest.Word(s, words)}
		}
		return nil
	}
}

func integer(least, most int64) rule {
	return func(key string, value any) error {
		n, ok := value.(json.Number)
		if ok {
			if i, err := n.Int64(); err == nil && i >= least && i <= most {
				return nil
			}
		}
		return wrong(key, fmt.Sprintf("a whole number from %d to %d", least, most))
	}
}

func boolean(key string, value any) error {
	if _, ok := value.(bool); !ok {
		return wrong(key, "true or false")
	}
	return nil
}
