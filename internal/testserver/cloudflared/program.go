package cloudflared

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/yamux"
)

// Behaviour is what the program does on request of a test.
type Behaviour string

// The ways in which it does.
const (
	Well     Behaviour = "well"
	Limited  Behaviour = "limited"  // it is refused an address, as there were too many, and ends
	Stubborn Behaviour = "stubborn" // it ends only when it is killed
	Parent   Behaviour = "parent"   // it leaves a stubborn child behind that holds its output, and ends
	Endless  Behaviour = "endless"  // it writes a megabyte without an end of a line
	Evil     Behaviour = "evil"     // it gives an address elsewhere
	HTML     Behaviour = "html"     // its metrics answer with a page
	Nameless Behaviour = "nameless" // it never has an address
	Unready  Behaviour = "unready"  // it never has a connection
	Silent   Behaviour = "silent"   // it has no metrics
)

// Environment variables that make a test's binary run as the program.
const (
	behaviourEnv = "HF_TAP_TEST_CLOUDFLARED"
	edgeEnv      = "HF_TAP_TEST_CLOUDFLARED_EDGE"
)

// Main makes this process the program if it was started as that, and does not
// return then. TestMain calls it first.
func Main() {
	how := Behaviour(os.Getenv(behaviourEnv))
	if how == "" || len(os.Args) < 2 || os.Args[1] != "tunnel" {
		return
	}
	p := program{how: how, edge: os.Getenv(edgeEnv), hello: hello{PID: os.Getpid()}}
	for i, arg := range os.Args[:len(os.Args)-1] {
		switch arg {
		case "--url":
			p.hello.Local = os.Args[i+1]
		case "--metrics":
			p.hello.Metrics = os.Args[i+1]
		case "--config":
			p.config = os.Args[i+1]
		}
	}
	fmt.Fprintln(os.Stderr, p.run())
	os.Exit(1)
}

// program is the one that this process is.
type program struct {
	how    Behaviour
	edge   string
	config string // the file that --config names
	hello  hello
	up     atomic.Bool
	answer http.Handler // instead of the local server; nil: it is asked
}

// run returns with the last words.
func (p *program) run() error {
	say("INF Requesting new quick Tunnel on trycloudflare.com...")
	if p.how == Stubborn || p.how == Parent {
		signal.Ignore(syscall.SIGTERM)
	}
	// The real one takes a name or a hostname for a tunnel of an account.
	for _, name := range []string{"TUNNEL_NAME", "TUNNEL_HOSTNAME"} {
		if os.Getenv(name) != "" {
			return fmt.Errorf("%s: %s is set", "Cannot determine default origin certificate path", name) // in the program's own words
		}
	}
	catchAll, err := p.catchAll()
	if err != nil {
		return err
	}
	if catchAll {
		p.answer = http.NotFoundHandler()
	}
	session, err := p.connect()
	if err != nil {
		return err
	}
	p.up.Store(true)
	switch p.how {
	case Limited:
		say(`ERR Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character 'e'" status_code="429 Too Many Requests"`)
		return fmt.Errorf("failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value")
	case Parent:
		child := exec.Command(os.Args[0], "tunnel")
		child.Env = append(os.Environ(), behaviourEnv+"="+string(Stubborn)) // of two, the last one counts
		child.Stderr = os.Stderr
		return child.Start()
	case Endless:
		for range 1 << 8 {
			fmt.Fprint(os.Stderr, strings.Repeat("x", 1<<12))
		}
	}
	if p.how == Silent || p.hello.Metrics == "" {
		return p.carry(session)
	}
	go func() {
		fmt.Fprintln(os.Stderr, p.carry(session))
		os.Exit(1)
	}()
	metrics := &http.Server{Addr: p.hello.Metrics, Handler: p.metrics(), ReadHeaderTimeout: 10 * time.Second}
	return metrics.ListenAndServe()
}

// catchAll reads the configuration as the real program does, and reports whether
// its rules send every request to a 404: they count for quick tunnels, too.
func (p *program) catchAll() (bool, error) {
	file := p.config
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false, nil
		}
		file = filepath.Join(home, ".cloudflared", "config.yml")
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.config == "":
		return false, nil
	case err != nil:
		return false, err
	case len(text) == 0:
		say("ERR Configuration file " + file + " was empty")
	}
	return strings.Contains(string(text), "http_status:404"), nil
}

// say writes a line as the real program writes its log.
func say(line string) { fmt.Fprintln(os.Stderr, "2026-01-02T03:04:05Z "+line) }

// connect registers with the edge, and returns the connection that visitors come
// through.
func (p *program) connect() (*yamux.Session, error) {
	conn, err := net.Dial("tcp4", p.edge)
	if err != nil {
		return nil, err
	}
	session, err := yamux.Server(conn, muxConfig())
	if err != nil {
		return nil, err
	}
	stream, err := session.Open()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if err := json.NewEncoder(stream).Encode(p.hello); err != nil {
		return nil, err
	}
	var welcome hello
	if err := json.NewDecoder(stream).Decode(&welcome); err != nil {
		return nil, err
	}
	if p.hello.Name == "" { // later others read it
		p.hello.Name = welcome.Name
	}
	return session, nil
}

// carry passes requests that come through on to the local server, and connects
// again when the connection ends. The real one does both.
func (p *program) carry(session *yamux.Session) error {
	local, err := url.Parse(p.hello.Local)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(local)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 100},
		ErrorLog:  log.New(os.Stderr, "", 0),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else the server closes the request's body with the first byte of an answer,
		// also when the proxy has not yet looked for its end: it takes that for a
		// failure then, and gives the answer up.
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/1.1 can
		if p.answer != nil {
			p.answer.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	for {
		srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		say("INF " + srv.Serve(session).Error())
		p.up.Store(false)
		if session, err = p.connectAgain(); err != nil {
			return err
		}
		p.up.Store(true)
	}
}

// connectAgain tries for half a minute: nobody may be there to end the program.
func (p *program) connectAgain() (session *yamux.Session, err error) {
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for range 1500 {
		if session, err = p.connect(); err == nil {
			break
		}
		<-retry.C
	}
	return session, err
}

// metrics is what hf-tap asks the program.
func (p *program) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		switch p.how {
		case Evil:
			fmt.Fprint(w, `{"hostname":"trycloudflare.com.evil.example"}`)
		case HTML:
			fmt.Fprint(w, "<html>")
		case Nameless:
			fmt.Fprint(w, `{"hostname":""}`)
		default:
			fmt.Fprintf(w, `{"hostname":%q}`, p.hello.Name)
		}
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if p.how == Unready || !p.up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, `{"status":200,"readyConnections":1}`)
	})
	mux.HandleFunc("POST /exit", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush() // the answer goes out first
		say("ERR Unauthorized: Tunnel not found")
		os.Exit(1)
	})
	return mux
}
