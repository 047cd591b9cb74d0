package process_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/process"
)

// What the test's own program is when it is started as another one.
const (
	roleEnv    = "PROCESS_TEST_ROLE"
	addressEnv = "PROCESS_TEST_ADDRESS"
)

func TestMain(m *testing.M) {
	if process.Supervising() {
		os.Exit(process.Supervise())
	}
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "parent": // with a child that it does not wait for
		_ = as("child").Start()
		connect()
	case "child":
		connect()
	case "ends": // and leaves a child
		_ = as("child").Start()
		os.Exit(9)
	case "master":
		runtime.LockOSThread()
		if _, err := process.Start(as("parent"), config()); err != nil {
			fmt.Println(err)
		}
		connect()
	}
}

// as is the test's own program in a role.
func as(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return cmd
}

func config() process.Config {
	return process.Config{Supervisor: os.Args[0], Death: syscall.SIGTERM}
}

// connect holds a connection to the test until it is closed.
func connect() {
	conn, err := net.Dial("tcp", os.Getenv(addressEnv))
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, conn)
}

// peers is where the processes connect to.
func peers(t *testing.T) (accept func() net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv(addressEnv, l.Addr().String())
	return func() net.Conn {
		t.Helper()
		_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		return conn
	}
}

// ended sees that the process at the other end has ended.
func ended(t *testing.T, conns ...net.Conn) {
	t.Helper()
	for _, conn := range conns {
		if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("a process lives on: %v", err)
		}
	}
}

func start(t *testing.T, role string) *process.Tree {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	tree, err := process.Start(as(role), config())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestAllThatAProgramHasStartedIsKilled(t *testing.T) {
	accept := peers(t)
	tree := start(t, "parent")
	conns := []net.Conn{accept(), accept()}
	tree.Kill()
	if _, err := tree.Wait(); err != nil {
		t.Error(err)
	}
	ended(t, conns...)
	tree.Close()
	if tree.Alive() {
		t.Error("what is closed is alive")
	}
	tree.Kill() // reaches nobody
	tree.Terminate()
}

func TestWhatAProgramLeavesIsAliveAndCanBeEnded(t *testing.T) {
	accept := peers(t)
	tree := start(t, "ends")
	conn := accept()
	if status, err := tree.Wait(); err != nil || status.Code != 9 {
		t.Errorf("got %+v, %v", status, err)
	}
	if !tree.Alive() {
		t.Error("its child is not counted")
	}
	tree.Terminate() // without a console on Windows it kills
	tree.Kill()
	ended(t, conn)
	tree.Close()
}

func TestATreeEndsWithAMasterThatIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("here the system does not tell")
	}
	accept := peers(t)
	master := as("master")
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	conns := []net.Conn{accept(), accept(), accept()}
	if err := master.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = master.Wait()
	ended(t, conns...)
}

func TestAProgramThatCannotBeStartedSaysWhy(t *testing.T) {
	file := t.TempDir() + "/plain"
	if err := os.WriteFile(file, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"no-such-program", file} {
		plain := exec.Command(name).Start()
		tree, err := process.Start(exec.Command(name), config())
		if err == nil {
			tree.Kill()
			t.Fatalf("%s was started", name)
		}
		if plain == nil || fmt.Sprint(unwrapped(err)) != fmt.Sprint(unwrapped(plain)) {
			t.Errorf("got %v, and without a tree %v", err, plain)
		}
	}
}

// unwrapped is the system's own error.
func unwrapped(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}
