package cli

import (
	"strings"
	"testing"
)

func TestDoctorListsEachTroubleOnce(t *testing.T) {
	c := newCaller(t, "HF_TAP_STATE=", "HOME=", "HF_TOKEN=hf_wrong")
	code, out, stderr := c.run(t, "doctor", "--forward", "127.0.0.1:1", "--forward", "127.0.0.1:1/x")
	if code != exitFailed || strings.Count(out, "no home folder") != 1 || strings.Count(out, "(401)") != 1 {
		t.Errorf("%d\n%s", code, out)
	}
	if want := "error: checks failed: token, state, target\nhint: follow the hints, then again: hf-tap doctor\n"; stderr != want {
		t.Errorf("it ends with %q", stderr)
	}
}
