package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestDoctorMeasuresTheSpaceThatIsLeft(t *testing.T) {
	for _, c := range []struct {
		free         int64
		err          error
		status, says string
	}{
		{12 << 30, nil, checkOK, "12 GiB free"},
		{lowSpace, nil, checkOK, "100 MiB free"},
		{lowSpace - 1, nil, checkWarning, "only 99 MiB free"},
		{0, nil, checkWarning, "only 0 bytes free"},
		{0, errors.ErrUnsupported, checkSkipped, "unknown"},
	} {
		d := &doctor{}
		d.space(c.free, c.err)
		if f := d.found[0]; f.Status != c.status || !strings.Contains(f.Detail, c.says) || (f.Hint == "") != (c.status != checkWarning) {
			t.Errorf("%d, %v: %+v", c.free, c.err, f)
		}
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("here are %d bytes free, %v", free, err)
	}
}

func TestDoctorListsEachTroubleOnce(t *testing.T) {
	c := newCaller(t, "HF_TAP_STATE=", "HOME=", "HF_TOKEN=hf_wrong")
	code, out, stderr := c.run(t, "doctor", "--forward", "127.0.0.1:1", "--forward", "127.0.0.1:1/x")
	if code != exitFailed || strings.Count(out, "no home folder") != 1 || strings.Count(out, "401") != 1 {
		t.Errorf("%d\n%s", code, out)
	}
	if want := "error: not everything works: token, state, target\nhint: follow the hints, then again: hf-tap doctor\n"; stderr != want {
		t.Errorf("it ends with %q", stderr)
	}
	d := &doctor{}
	d.fail("state", 0, errors.New("the disk is full"))
	d.fail("history", 0, errors.New("the disk is full"))
	if f := d.found[1]; f.Status != checkSkipped || f.Detail != "the same as state" {
		t.Errorf("%+v", f)
	}
}
