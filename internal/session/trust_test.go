package session

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestAFileIsTrustedWithItsContent(t *testing.T) {
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	check := func(path, content string, since, current bool) {
		t.Helper()
		got, err := dir.Trust(path, []byte(content))
		if err != nil || got.Path != path || got.Since.IsZero() == since || got.Current != current {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	check("/p/.hf-tap.toml", "a", false, false)
	var wg sync.WaitGroup
	for _, path := range []string{"/p/.hf-tap.toml", "/q/.hf-tap.toml", "/r"} {
		wg.Go(func() {
			if err := dir.SetTrust(path, []byte("a")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check("/p/.hf-tap.toml", "a", true, true)
	check("/q/.hf-tap.toml", "a", true, true)
	check("/p/.hf-tap.toml", "b", true, false)
	if err := dir.SetTrust("/p/.hf-tap.toml", []byte("b")); err != nil {
		t.Fatal(err)
	}
	check("/p/.hf-tap.toml", "a", true, false)
	check("/p/.hf-tap.toml", "b", true, true)
	if info, err := os.Stat(dir.trustPath("/q/.hf-tap.toml")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the record is %v, %v", info, err)
	}
	if err := os.WriteFile(dir.trustPath("/r"), []byte("{"), 0o600); err != nil { // cut off
		t.Fatal(err)
	}
	check("/r", "a", false, false)
	for _, had := range []bool{true, false} {
		if got, err := dir.EndTrust("/q/.hf-tap.toml"); got != had || err != nil {
			t.Errorf("ended: %v, %v", got, err)
		}
		check("/q/.hf-tap.toml", "a", false, false)
	}
	if got, _ := dir.Trust("/p/.hf-tap.toml", nil); time.Since(got.Since).Abs() > time.Hour {
		t.Errorf("trusted since %v", got.Since)
	}
	if loose, err := dir.Loose(); len(loose) > 0 || err != nil {
		t.Errorf("others may read %v, %v", loose, err)
	}
}

func TestTheRecordOfAnotherFileTrustsNothing(t *testing.T) {
	dir := Dir(t.TempDir())
	if err := dir.SetTrust("/mine", []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir.trustPath("/mine"), dir.trustPath("/other")); err != nil {
		t.Fatal(err)
	}
	if got, err := dir.Trust("/other", []byte("a")); got.Current || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
