package listen

import (
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/session"
)

func TestTheLastLineSaysWhatIsLeft(t *testing.T) {
	for want, sum := range map[string]session.Summary{
		"webhook 65a1 deleted · 12 events kept · 1 failed: hf-tap events replay --failed --session 5e55":    {ID: "5e55", Deleted: []string{"65a1"}, Kept: 12, Failed: 1},
		"webhook 65a1 NOT deleted · 1 event kept":                                                           {Left: "65a1", Kept: 1},
		"no webhook is left · 0 events kept":                                                                {},
		"whether the Hub made the webhook is unknown: the next start checks · 0 eve":                        {Doubt: true},
		"2 never handed over: hf-tap events replay --pending --session 5e55":                                {ID: "5e55", Pending: 2},
		"the webhook that you made by hand is yours to delete: https://h/settings/webhooks · 3 events kept": {ByHand: "https://h/settings/webhooks", Kept: 3},
		"webhook 77 enabled again": {Enabled: []string{"77"}},
	} {
		if got := lastLine(sum); !strings.Contains(got, want) {
			t.Errorf("%+v: %s", sum, got)
		}
	}
}
