package cloudflared

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
)

func TestCloudflaredEndsWhenItsParentIsKilled(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Stubborn)
	t.Setenv(holderEnv, "yes")
	master := exec.Command(cfg.Program)
	out, err := master.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if killed := master.Process.Kill(); err != nil || killed != nil || !strings.HasPrefix(first, "open https://") {
		t.Errorf("%q, %v, %v", first, err, killed)
	}
	_ = master.Wait()
	if pid := program(t, e, 1).PID; !gone(t, pid) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
		t.Error("the program is left running")
	}
}
