// Package nearest finds the word that a misspelt one was probably meant to be.
package nearest

import "strings"

// Word returns the word that s was probably meant to be, "" if none is close:
// one that differs in a third of the letters of s at most, or one that begins
// with s.
func Word(s string, words []string) string {
	best, least := "", max(1, len(s)/3)+1
	for _, word := range words {
		if d := edits(s, word); d < least {
			best, least = word, d
		}
	}
	if best != "" || len(s) < 2 {
		return best
	}
	for _, word := range words {
		if strings.HasPrefix(word, s) {
			return word
		}
	}
	return ""
}

// Typo returns the word that differs from s in a single letter, "" if none does
// or s is a word itself.
func Typo(s string, words []string) string {
	typo := ""
	for _, word := range words {
		switch edits(s, word) {
		case 0:
			return ""
		case 1:
			typo = word
		}
	}
	return typo
}

// edits counts the letters to insert, remove, replace or swap with the next one
// in order to make b of a.
func edits(a, b string) int {
	older, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, last = last, row
	}
	return last[len(b)]
}
