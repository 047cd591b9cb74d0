package present

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Count is a number and its noun: "1 event", "12,345 events".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Group(n) + " " + what + "s"
}

// Group is a number with its thousands separated: "12,345".
func Group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Ordinal is "1st", "2nd", "3rd", "4th".
func Ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}

// Duration is a duration in at most three digits: "0.5ms", "82ms", "1.2s", "1m30s".
func Duration(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1fms", float64(d)/1e6)
}

// Size is a number of bytes in its largest unit, rounded down: "500 bytes",
// "1.5 KiB", "40 MiB".
func Size(n int64) string {
	if n < 1<<10 {
		return Count(int(n), "byte")
	}
	units := []string{"KiB", "MiB", "GiB"}
	size, i := float64(n)/(1<<10), 0
	for ; size >= 1<<10 && i < len(units)-1; i++ {
		size /= 1 << 10
	}
	return strconv.FormatFloat(math.Floor(size*10)/10, 'f', -1, 64) + " " + units[i]
}
