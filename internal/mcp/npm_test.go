package mcp_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// howToGetTheSDK is for whoever has no client of npm.
const howToGetTheSDK = `node and npm's SDK: HF_TAP_MCP_JS="$(.ci/mcp-js)" go test ./internal/mcp`

func TestNpmsClientCallsTheTools(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil || os.Getenv("HF_TAP_MCP_JS") == "" {
		peertest.Missing(t, howToGetTheSDK)
	}
	w := newWorld(t)
	h := newHandler(t)
	cmd := exec.CommandContext(t.Context(), "node", "testdata/client.mjs", binary, h.port)
	cmd.Env = append(w.env, "HF_TAP_MCP_JS="+os.Getenv("HF_TAP_MCP_JS"))
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, failed.Bytes())
	}
	var seen any
	must(t, json.Unmarshal(out, &seen))
	v := value{t, seen}
	v.key("answer").is("thanks")
	v.key("replayed").is(2)
	v.key("event").is("discussion.create")
	v.key("waited").is(false)
	if v.key("progress").number() == 0 {
		t.Error("there was no progress")
	}
	v.key("listed").is(2)
	v.key("works").is(true)
	v.key("resource").is("discussion")
	v.key("templates").is(2)
	v.key("cancelled").is("yes")
	v.key("wrong").is(true)
	v.key("errors").is("[]")
	w.nothingLeft()
}
