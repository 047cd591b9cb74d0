package dev

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestWhatAProgramWritesIsCapturedUntilRestored(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]string{}
	oldOut, oldErr, oldLog := os.Stdout, os.Stderr, log.Writer()
	restore := capture(func(stream, line string) {
		mu.Lock()
		defer mu.Unlock()
		got[stream] = append(got[stream], line)
	})
	long := strings.Repeat("x", maxLine+10)
	fmt.Println("to stdout")
	fmt.Println(long)
	fmt.Fprintln(os.Stderr, "to stderr")
	log.SetFlags(0)
	log.Print("to the log")
	log.SetFlags(log.LstdFlags)
	fmt.Print("without an end")
	restore()
	if os.Stdout != oldOut || os.Stderr != oldErr || log.Writer() != oldLog {
		t.Error("the outputs are not what they were")
	}
	if !slices.Equal(got["stdout"], []string{"to stdout", long[:maxLine], long[maxLine:], "without an end"}) || !slices.Equal(got["stderr"], []string{"to stderr", "to the log"}) {
		t.Errorf("captured are %d lines of stdout and %q", len(got["stdout"]), got["stderr"])
	}
}
