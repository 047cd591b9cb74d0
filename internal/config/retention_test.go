package config

import (
	"testing"
	"time"
)

func TestAgesHaveAUnitThatCannotBeMisread(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"12h": 12 * time.Hour, "30d": 30 * 24 * time.Hour, "8W": 8 * 7 * 24 * time.Hour, "1 d": 24 * time.Hour,
		"30m": 0, "30": 0, "d": 0, "0d": 0, "-1d": 0, "1.5d": 0, "": 0, "30days": 0, "106752d": 0, "99999999999999999999h": 0,
	} {
		got, err := ParseAge(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestSizesHaveAUnit(t *testing.T) {
	for text, want := range map[string]int64{
		"10KB": 10 << 10, "500MB": 500 << 20, "500 mib": 500 << 20, "2GiB": 2 << 30,
		"500": 0, "MB": 0, "0GB": 0, "-1GB": 0, "2TB!": 0, "9999999999GB": 0, "": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
}
