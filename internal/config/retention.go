// Package config reads hf-tap's configuration files: the project's .hf-tap.toml and
// the user's own config.toml. It finds and checks them, and merges their values with
// those of flags and of the environment, each with its origin.
//
// A project's file may come from a stranger's repository. It can set what is
// received and where events go, and nothing that decides where a token or a secret
// is sent: those keys are read from the user's own file only. Whether the user trusts
// a project's file is up to the caller, who must not use its values before.
package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Retention says which events the history deletes by itself. The zero value keeps
// all of them.
type Retention struct {
	MaxAge  time.Duration // events that are older are deleted; 0: none
	MaxSize int64         // the oldest events are deleted above this many bytes; 0: none
}

// ParseAge reads an age in hours, days or weeks, like 12h, 30d and 8w. Other units
// are errors: 30m may be meant as months and would delete nearly everything.
func ParseAge(s string) (time.Duration, error) {
	n, err := product(s, map[string]int64{"h": int64(time.Hour), "d": 24 * int64(time.Hour), "w": 7 * 24 * int64(time.Hour)})
	return time.Duration(n), err
}

// parseSize reads a number of bytes with its unit, like 500MB and 2GiB. As in
// filters, MB and MiB are the same.
func parseSize(s string) (int64, error) {
	return product(s, map[string]int64{"kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30})
}

// product reads a positive number with one of the units.
func product(s string, units map[string]int64) (int64, error) {
	number := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	unit, known := units[strings.ToLower(strings.TrimSpace(s[len(number):]))]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !known || n < 1 || n > math.MaxInt64/unit {
		return 0, errors.New("not a number with a unit")
	}
	return n * unit, nil
}
