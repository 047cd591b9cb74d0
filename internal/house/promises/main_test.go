package promises

import (
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

const module = "github.com/hf-tap/hf-tap"

// program is the path of the program, built once as its users build it.
var program string

// appVariable is set for the test program when it is to be the app behind "--".
// Its value is the status that the app exits with.
const appVariable = "HF_TAP_PROMISES_APP"

func TestMain(m *testing.M) {
	if status := os.Getenv(appVariable); status != "" {
		os.Exit(runApp(status))
	}
	// Under nohup SIGHUP is ignored, and the programs started here would inherit
	// that. They do not inherit a signal that is handled.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hf-tap-promises-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "hf-tap")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", program, module).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// runApp is an app that answers one delivery and exits.
func runApp(status string) int {
	code, err := strconv.Atoi(status)
	if err != nil {
		return 99
	}
	delivered := make(chan struct{})
	done := sync.OnceFunc(func() { close(delivered) })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // or the connection would be reset at the end
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		done()
	})}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-delivered:
		return code
	case err := <-failed:
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
}

// missing skips a test because the machine lacks something. In CI that is a
// failure, because nobody would notice the skipped test.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("CI lacks " + what)
	}
	t.Skip("needs " + what)
}

// needsSignals skips a test on Windows, where a process cannot be sent a signal
// that it handles.
func needsSignals(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals that a process can handle")
	}
}

func TestNothingOfTheProgramIsImported(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			if strings.HasPrefix(spec.Path.Value, `"`+module) {
				t.Errorf("%s imports %s: these tests see the program from outside only", file, spec.Path.Value)
			}
		}
	}
}
