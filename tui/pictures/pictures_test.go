package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommittedPicturesAreOfTheScreenAsItIs(t *testing.T) {
	for name, want := range pictures(t.Context()) {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Errorf("%v: run go run ./tui/pictures", err)
		} else if string(got) != want {
			t.Errorf("docs/%s shows another screen: run go run ./tui/pictures, and look at it", name)
		}
	}
}

func TestAPictureIsXMLWithoutWhatATerminalObeys(t *testing.T) {
	for name, picture := range pictures(t.Context()) {
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if strings.ContainsAny(picture, "\x1b\x07") {
			t.Errorf("%s holds a control character", name)
		}
	}
}
