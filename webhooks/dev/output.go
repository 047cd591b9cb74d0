package dev

import (
	"bufio"
	"io"
	"log"
	"os"
	"strings"
	"sync"
)

// maxLine is how much of a line that the program writes is shown at once, in bytes.
const maxLine = 64 << 10

// capture leads what the program writes to os.Stdout, os.Stderr and by package log to
// line, until restore is called. If there is no pipe to be had, it does nothing.
func capture(line func(stream, line string)) (restore func()) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return func() {}
	}
	var reading sync.WaitGroup
	read := func(from io.Reader, stream string) {
		r := bufio.NewReaderSize(from, maxLine)
		for {
			text, err := r.ReadSlice('\n')
			if len(text) > 0 {
				line(stream, strings.TrimRight(string(text), "\r\n"))
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	}
	reading.Go(func() { read(outR, "stdout") })
	reading.Go(func() { read(errR, "stderr") })
	oldOut, oldErr, oldLog := os.Stdout, os.Stderr, log.Writer()
	os.Stdout, os.Stderr = outW, errW
	if oldLog == io.Writer(oldErr) {
		log.SetOutput(errW)
	}
	return func() {
		os.Stdout, os.Stderr = oldOut, oldErr
		if log.Writer() == io.Writer(errW) {
			log.SetOutput(oldLog)
		}
		outW.Close()
		errW.Close()
		reading.Wait()
		outR.Close()
		errR.Close()
	}
}
