package dev

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// program is a process of testdata/program.
type program struct {
	*running
	cmd *exec.Cmd
}

// buildProgram builds testdata/program, which its user would have in a main.go.
func buildProgram(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./testdata/program").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return file
}

// run starts a program in the world's environment, with more in it.
func (w *world) run(file string, env ...string) program {
	w.t.Helper()
	return w.runWith(file, nil, env...)
}

// runWith is run with arguments.
func (w *world) runWith(file string, args []string, env ...string) program {
	w.t.Helper()
	p := program{&running{t: w.t, done: make(chan struct{})}, exec.Command(file, args...)}
	for _, name := range []string{"PATH", "SYSTEMROOT"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+os.Getenv(name))
	}
	for name, value := range w.env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = w.t.TempDir(), &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.failed = p.cmd.Wait()
		p.out.end()
		p.err.end()
	}()
	w.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// interrupt is Ctrl+C, after which the program has to end well.
func (p program) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if <-p.done; p.failed != nil {
		p.t.Errorf("the program ended with %v\nstdout:\n%s\nstderr:\n%s", p.failed, p.out.text(), p.err.text())
	}
}

func TestAProgramLeavesNoWebhookAfterCtrlCAndAfterAKillAndTheNextStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process sends an interrupt to another one there")
	}
	w, file := newWorld(t), buildProgram(t)
	p := w.run(file)
	p.up()
	if hooks := w.Webhooks("me"); len(hooks) != 1 {
		t.Errorf("while it runs the webhooks are %+v", hooks)
	}
	w.happen("repo.content.update", datasetD)
	p.wait(&p.out, "train 200 in")
	w.happen("discussion.create", modelM)
	p.wait(&p.out, "review 200 in")
	if text := p.out.text(); strings.Count(text, "train 200 in") != 1 || strings.Count(text, "review 200 in") != 1 {
		t.Errorf("the lines are\n%s", text)
	}
	p.interrupt()
	w.nothingLeft()

	p = w.run(file)
	p.up()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	orphans := w.Webhooks("me")
	if len(orphans) != 1 {
		t.Fatalf("after the kill the webhooks are %+v", orphans)
	}
	p = w.run(file)
	p.up()
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].ID == orphans[0].ID {
		t.Errorf("after the next start the webhooks are %+v", hooks)
	}
	p.wait(&p.err, "deleted the webhook "+orphans[0].ID)
	p.interrupt()
	w.nothingLeft()
}

func TestHandlersThatThePackagesFunctionsRegisteredAreServed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process sends an interrupt to another one there")
	}
	w, file := newWorld(t), buildProgram(t)
	p := w.runWith(file, []string{"registered"})
	p.up()
	w.happen("repo.content.update", datasetD)
	p.wait(&p.out, "train 200 in")
	w.happen("discussion.create", modelM)
	p.wait(&p.out, "review 200 in")
	p.interrupt()
	w.nothingLeft()

	p = w.runWith(file, []string{"registered"}, "WEBHOOK_SECRET=tab\tin it")
	<-p.done
	if p.failed == nil || !strings.Contains(p.err.text(), "secret") {
		t.Errorf("with a secret that no webhook can have it ends with %v and\n%s", p.failed, p.err.text())
	}
}

func TestInASpaceAProgramOnlyServes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process sends an interrupt to another one there")
	}
	file := buildProgram(t)
	for _, args := range [][]string{nil, {"registered"}} {
		onlyServes(t, file, args)
	}
}

func onlyServes(t *testing.T, file string, args []string) {
	t.Helper()
	w := newWorld(t)
	p := w.runWith(file, args, "SPACE_ID=me/s", "SPACE_HOST=me-s.hf.space", "PORT=0", "WEBHOOK_SECRET=of the space")
	local := strings.Fields(p.wait(&p.out, "Running on local URL: "))[4]
	p.wait(&p.out, "POST https://me-s.hf.space/webhooks/train")
	p.wait(&p.out, "Configure webhooks at")
	w.nothingLeft()
	if status := send(t, local+"/webhooks/review", "of the space"); status != http.StatusOK {
		t.Errorf("it is answered %d", status)
	}
	p.interrupt()
	if _, err := os.Stat(w.env["HF_TAP_STATE"]); !os.IsNotExist(err) {
		t.Errorf("it has a state folder: %v", err)
	}
}
