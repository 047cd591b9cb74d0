package doctor

import (
	"errors"
	"strings"
	"testing"
)

func TestDoctorMeasuresTheSpaceThatIsLeft(t *testing.T) {
	for _, c := range []struct {
		free   int64
		err    error
		status Status
		says   string
	}{
		{12 << 30, nil, OK, "12 GiB free"},
		{lowSpace, nil, OK, "100 MiB free"},
		{lowSpace - 1, nil, Warning, "only 99.9 MiB free"},
		{0, nil, Warning, "only 0 bytes free"},
		{0, errors.ErrUnsupported, Skipped, "unknown"},
	} {
		d := &examination{}
		d.space(c.free, c.err)
		if f := d.found[0]; f.Status != c.status || !strings.Contains(f.Detail, c.says) || (f.Hint == "") != (c.status != Warning) {
			t.Errorf("%d, %v: %+v", c.free, c.err, f)
		}
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("here are %d bytes free, %v", free, err)
	}
}

func TestATroubleIsListedOnce(t *testing.T) {
	d := &examination{}
	d.fail("state", 0, errors.New("the disk is full"))
	d.fail("history", 0, errors.New("the disk is full"))
	if f := d.found[1]; f.Status != Skipped || f.Detail != "the same as state" {
		t.Errorf("%+v", f)
	}
}
