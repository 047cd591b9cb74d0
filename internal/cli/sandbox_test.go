package cli_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestASandboxHasTheOrganizationsOfItsUser(t *testing.T) {
	cmd := exec.Command(binary, "sandbox", "--user", "ada", "--org", "lab", "--org", "guild", "--repo", "model:lab/m")
	cmd.Env = []string{"SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
	box := startProcess(t, cmd)
	endpoint := strings.TrimPrefix(box.wait(box.stdout, "HF_ENDPOINT="), "export HF_ENDPOINT=")
	token := strings.TrimPrefix(box.wait(box.stdout, "HF_TOKEN="), "export HF_TOKEN=")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/api/whoami-v2", "", `"name":"guild"`},
		{"PUT", "/api/models/lab/m/settings", `{"private":true}`, `"private":true`},
		{"GET", "/api/models/lab/m", "", `"author":"lab"`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, endpoint+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), c.want) {
			t.Errorf("%s %s: got %d %s (%v), want %s", c.method, c.path, resp.StatusCode, body, err, c.want)
		}
	}
	box.signal(os.Interrupt)
	box.ends(0)
}

func TestASandboxWithBadNamesIsAUsageError(t *testing.T) {
	for _, args := range [][]string{{"--org", "a b"}, {"--org", "me"}, {"--org", "lab/x"}, {"--user", "a/b"}, {"--repo", "m"}, {"--repo", "user:me"}, {"--port", "70000"}} {
		cmd := exec.Command(binary, append([]string{"sandbox"}, args...)...)
		cmd.Env = []string{"SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
		p := startProcess(t, cmd)
		p.ends(2)
		if text := p.stderr.text(); strings.Count(strings.TrimSpace(text), "\n") != 1 || !strings.Contains(text, "hf-tap sandbox ") {
			t.Errorf("%v: the error is\n%s", args, text)
		}
	}
}
