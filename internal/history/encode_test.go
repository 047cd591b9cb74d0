package history

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

func TestHeadersAreStoredAsJSONThatPeopleCanRead(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		want   any
	}{
		{nil, nil},
		{http.Header{}, `[]`},
		{http.Header{"B": {"2", "1"}, "A": {"x"}}, `[["A","x"],["B","2","1"]]`},
		{http.Header{"A": nil}, `[["A"]]`},
		{http.Header{"A": {"é \"quoted\"\n"}}, `[["A","é \"quoted\"\n"]]`},
		{http.Header{"A": {"\xff"}}, `[["A",{"base64":"/w=="}]]`},
	} {
		if got := encodeHeader(test.header); got != test.want {
			t.Errorf("%v is stored as %v, want %v", test.header, got, test.want)
		}
	}
}

func TestStoredTextThatIsNoneIsDamage(t *testing.T) {
	for _, stored := range []string{``, `[`, `{}`, `[[`, `[["A"`, `[["A",]]`, `[["A""b"]]`, `[["A"],]`, `[[]]`, `[[1]]`, `[["A",{}]]`, `[["A"]]]`, `x`} {
		if h, err := decodeHeader(&stored); !errors.Is(err, ErrDamaged) {
			t.Errorf("the header %s is read as %v, %v", stored, h, err)
		}
	}
	for _, stored := range []string{``, `[`, `["a"`, `[["a",]`, `[["a"]]`, `[1]`, `[["a",1,2,3,"",4]]]`, `[["a",1,2,3,"",4,5]]`, `[[1,1,2,3,"",4]]`, `[["a","1",2,3,"",4]]`} {
		if list, err := decodeTargets(&stored); !errors.Is(err, ErrDamaged) {
			t.Errorf("the targets %s are read as %+v, %v", stored, list, err)
		}
	}
}

func TestTimesBeforeAndAfterOursSurvive(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(0, -1), time.Date(2200, 1, 1, 0, 0, 0, 1, time.UTC)} {
		var stored *int64
		if ns, ok := encodeTime(at).(int64); ok {
			stored = &ns
		}
		if got := decodeTime(stored); !got.Equal(at) || got.IsZero() != at.IsZero() {
			t.Errorf("%v is read as %v", at, got)
		}
	}
}

func FuzzHeadersComeBack(f *testing.F) {
	f.Add("Content-Type", "application/json", "")
	f.Add("", `"],["`, "\\")
	f.Add("\xff", "\u2028", "\x00")
	f.Add("a", "\ufffd", "\xef\xbf")
	f.Fuzz(func(t *testing.T, key, first, second string) {
		want := http.Header{key: {first, second}, key + "x": {second}}
		stored := encodeHeader(want).(string)
		if !json.Valid([]byte(stored)) {
			t.Fatalf("stored as %q, which is no JSON", stored)
		}
		got, err := decodeHeader(&stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stored as %s (-want +got):\n%s", stored, diff)
		}
		targets := []event.RowTarget{{Name: key, Tries: 3, Status: -1, Took: 1 << 62, Err: first, DeliveredBy: 7, BodyError: second}, {Name: second}}
		stored = encodeTargets(targets).(string)
		back, err := decodeTargets(&stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(targets, back); diff != "" {
			t.Errorf("stored as %s (-want +got):\n%s", stored, diff)
		}
	})
}
