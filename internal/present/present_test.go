package present

import (
	"testing"
	"time"
)

func TestOrdinals(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22: "22nd", 103: "103rd", 102: "102nd", 111: "111th"} {
		if got := Ordinal(n); got != want {
			t.Errorf("Ordinal(%d) = %s", n, got)
		}
	}
}

func TestUnits(t *testing.T) {
	for want, got := range map[string]string{
		"1 event": Count(1, "event"), "12,345 events": Count(12345, "event"), "-1,234": Group(-1234), "999": Group(999),
		"1 byte": Size(1), "1,023 bytes": Size(1023), "1.5 KiB": Size(1536), "40 MiB": Size(40 << 20), "39.9 MiB": Size(40<<20 - 1), "1 GiB": Size(1 << 30), "2048 GiB": Size(2 << 40),
		"0.5ms": Duration(500 * time.Microsecond), "82ms": Duration(82 * time.Millisecond), "1.2s": Duration(1240 * time.Millisecond), "35s": Duration(35 * time.Second), "1m30s": Duration(90 * time.Second),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
