package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/lines"
)

// fixture is an event as a file of test data: its JSON line, without secrets,
// indented.
func fixture(e *event.Event, mask *lines.Mask) ([]byte, error) {
	line, err := eventLine(e, mask)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// eventLine is an event as its JSON line, without secrets.
func eventLine(e *event.Event, mask *lines.Mask) ([]byte, error) {
	line, err := e.JSONLine(event.LineEvent)
	return mask.Secrets().MaskBody(line), err
}

// fixtureName is the name of an event's file. It is the same in every history, for
// it does not have the event's number.
func fixtureName(e *event.Event) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%s", e.Delivery, e.WebhookID, e.ReceivedAt.UnixNano(), e.Kind))
	words := []string{"event"}
	if e.Kind != "" {
		words[0] = string(e.Kind)
	}
	if e.Repo.Name != "" {
		words = append(words, e.Repo.Name)
	}
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, strings.Join(words, "-"))
	plain = strings.Trim(plain[:min(len(plain), 100)], ".-")
	return plain + "-" + hex.EncodeToString(sum[:4]) + ".json"
}
