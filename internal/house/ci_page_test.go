package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pageOfCI has a script that tests a handler, which is run here as it stands.
const pageOfCI = "docs/ci.md"

// The script runs in a fresh clone, with nothing of the user's but Go's caches.
func TestTheScriptOfThePageOnCIRunsInAFreshClone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for bash")
	}
	var script string
	for _, b := range codeBlocks(t, pageOfCI) {
		if b.language == "bash" {
			script += b.text() + "\n"
		}
	}
	if script == "" {
		t.Fatal("the page has no script")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "--quiet", "--no-hardlinks", root, clone).CombinedOutput(); err != nil {
		t.Skipf("this folder is not a clone itself (%v): %s", err, out)
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = clone
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "CGO_ENABLED=0"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	cmd.WaitDelay = time.Minute // for what the script has left behind
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, want := range []string{"imported 6 events", "6 answers compared, all are the same", " deleted · ", " 0 failed · "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the script does not print %q:\n%s", want, out)
		}
	}
}
