package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

func TestNoTextOfAPictureBeginsOrEndsWithABlank(t *testing.T) {
	for name, picture := range pictures(t.Context()) {
		for _, text := range regexp.MustCompile(`<text [^>]*>([^<]*)</text>`).FindAllStringSubmatch(picture, -1) {
			if strings.TrimSpace(text[1]) != text[1] || text[1] == "" {
				t.Errorf("%s has the text %q", name, text[1])
			}
		}
	}
}

func TestAPictureIsOfWhatIsDrawnHoweverItIsWritten(t *testing.T) {
	draw := func(row string) string { return svg(row, 30, 1, dark(), "a row") }
	want := draw("\x1b[1;31mFAIL\x1b[m of \x1b[2mthis\x1b[m")
	for _, row := range []string{
		"\x1b[1m\x1b[31mFAIL\x1b[0m of \x1b[2mthis\x1b[0m", "\x1b[31;1mFA\x1b[0m\x1b[1;31mIL\x1b[0;0m o\x1b[mf \x1b[2mthis", "\x1b[m\x1b[1;31mFAIL\x1b[22;39m of \x1b[2mthis\x1b[22m",
	} {
		if got := draw(row); got != want {
			t.Errorf("%q is drawn otherwise:\n%s\n%s", row, got, want)
		}
	}
}
