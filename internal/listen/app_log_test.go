package listen

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/lines"
)

func TestWhatWasAnnouncedIsOnTheScreenAndIsNotPrintedAgainAfterIt(t *testing.T) {
	var printed bytes.Buffer
	notes := lines.NewNotes(&printed, &lines.Mask{})
	f := newFront(View{Screen: true, Notes: notes}, Stop{})
	add := f.appLines("program", notes)
	for i := range 12 {
		add("stdout", "written "+strconv.Itoa(i))
	}
	for range 12 {
		add(Announced, "POST https://t.example/webhooks/train")
	}
	add("stderr", "failed")
	shown, err := f.screen.app.since(context.Background(), 12, 100)
	if err != nil || len(shown) != 13 || shown[0].Stderr || !shown[12].Stderr || shown[0].Rev != 13 {
		t.Errorf("the screen shows %d lines, %v: %+v", len(shown), err, shown)
	}
	f.screen.lastWords()
	text := printed.String()
	if strings.Contains(text, "POST") || strings.Contains(text, "written 2\n") || !strings.HasPrefix(text, "program | written 3\n") || !strings.HasSuffix(text, "written 11\nprogram | failed\n") {
		t.Errorf("after the screen it prints\n%s", text)
	}
}
