package ngrok

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.ngrok.com/muxado/v2"
)

// The types of streams, from the SDK's proto package.
const (
	authReq       muxado.StreamType = 0
	bindReq       muxado.StreamType = 1
	unbindReq     muxado.StreamType = 2
	proxyReq      muxado.StreamType = 3
	srvInfoReq    muxado.StreamType = 8
	stopTunnelReq muxado.StreamType = 9
	patchReq      muxado.StreamType = 10
	heartbeat     muxado.StreamType = 0xFFFFFFFF
)

// handshakeTime bounds how long an agent may take to say the first word.
const handshakeTime = 10 * time.Second

// session is one connection of an agent.
type session struct {
	edge *Edge
	conn net.Conn
	mux  muxado.TypedStreamSession
	gone chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	granted bool             // Auth was answered without an error
	binds   map[string]*host // by the bind's id
}

func (e *Edge) acceptAgents() {
	for {
		conn, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.change(func() { e.counts.Conns++ })
		if e.fault().Refuse || !e.track(conn) {
			_ = conn.Close()
			continue
		}
		e.wg.Go(func() {
			defer e.drop(conn)
			e.serve(conn)
		})
	}
}

// misbehave does what the faults want in a phase, and reports whether that was
// the end of it.
func (e *Edge) misbehave(phase Phase, w io.Writer, gone <-chan struct{}) bool {
	f := e.fault()
	switch phase {
	case f.Garbage:
		_, _ = io.WriteString(w, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		return true
	case f.Drop:
		return true
	case f.Hang:
		select {
		case <-e.end:
		case <-gone:
		}
		return true
	}
	return !e.pause(f.Slow)
}

func (e *Edge) serve(raw net.Conn) {
	if e.misbehave(Connect, raw, closedBy(e, Connect, raw)) {
		return
	}
	conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{e.ca.leaves[e.fault().Certificate]}})
	_ = conn.SetDeadline(time.Now().Add(handshakeTime))
	if err := conn.Handshake(); err != nil {
		e.cfg.Logf("edge: handshake: %v", err)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if e.misbehave(Secured, conn, closedBy(e, Secured, conn)) {
		return
	}
	// A configuration of its own: sessions without one share, and write to, a
	// global.
	mux := muxado.NewTypedStreamSession(muxado.Server(conn, &muxado.Config{}))
	s := &session{edge: e, conn: raw, mux: mux, gone: make(chan struct{}), binds: map[string]*host{}}
	defer s.leave()
	for {
		stream, err := mux.AcceptTypedStream()
		if err != nil {
			e.cfg.Logf("edge: session: %v", err)
			return
		}
		e.wg.Go(func() {
			defer stream.Close()
			s.answer(stream)
		})
	}
}

// closedBy returns a channel that is closed when the peer closes a connection
// that hangs in a phase: only then may what it says be read and forgotten.
func closedBy(e *Edge, phase Phase, conn net.Conn) <-chan struct{} {
	if e.fault().Hang != phase {
		return nil
	}
	gone := make(chan struct{})
	e.wg.Go(func() {
		defer close(gone)
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			e.change(func() { e.counts.Unheard += n })
			if err != nil {
				return
			}
		}
	})
	return gone
}

// leave takes down what the session had: its hosts are free again.
func (s *session) leave() {
	_ = s.mux.Close()
	close(s.gone)
	s.mu.Lock()
	binds, granted := s.binds, s.granted
	s.binds = nil
	s.mu.Unlock()
	s.edge.change(func() {
		delete(s.edge.sessions, s)
		if granted {
			s.edge.counts.Ended++
		}
		for _, h := range binds {
			h.free(s)
		}
	})
	for _, h := range binds {
		h.cut(s)
	}
}

// answer answers one question of the agent's.
func (s *session) answer(stream muxado.TypedStream) {
	if stream.StreamType() == heartbeat {
		s.beat(stream)
		return
	}
	var q question
	if err := json.NewDecoder(stream).Decode(&q); err != nil {
		s.edge.cfg.Logf("edge: a question of type %d: %v", stream.StreamType(), err)
		return
	}
	if s.edge.fault().Silent {
		<-s.gone
		return
	}
	var a any
	switch stream.StreamType() {
	case authReq:
		s.edge.change(func() { s.edge.counts.Auths++ })
		if s.fails(Auth, stream) {
			return
		}
		a = s.auth(q)
	case bindReq:
		if s.fails(Bind, stream) {
			return
		}
		a = s.bind(q)
	case unbindReq:
		s.unbind(q.Id)
		a = reply{}
	case srvInfoReq:
		s.edge.change(func() { s.edge.counts.Infos++ })
		a = map[string]string{"Region": "loop"}
	case patchReq:
		a = reply{}
	default:
		a = reply{Error: fmt.Sprintf("no such question: %d", stream.StreamType())}
	}
	_ = json.NewEncoder(stream).Encode(a)
}

// fails does what the faults want in a phase of a session. A session that is
// dropped ends with its connection.
func (s *session) fails(phase Phase, stream io.Writer) bool {
	if s.edge.fault().Hang == phase {
		s.edge.change(func() { s.edge.counts.Hung++ })
	}
	if !s.edge.misbehave(phase, stream, s.gone) {
		return false
	}
	if s.edge.fault().Drop == phase {
		_ = s.conn.Close()
	}
	return true
}

func (s *session) beat(stream io.ReadWriter) {
	var id [4]byte
	for {
		if _, err := io.ReadFull(stream, id[:]); err != nil {
			return
		}
		if s.edge.fault().Silent {
			continue
		}
		if _, err := stream.Write(id[:]); err != nil {
			return
		}
	}
}

// question is what an agent asks: the fields of all questions that matter here.
type question struct {
	Id    string
	Proto string
	Opts  struct{ URL string }
	Extra struct {
		Authtoken string
		Token     string
	}
}

// reply is an answer to a question for a session or a bind.
type reply struct {
	Version string `json:",omitempty"`
	Id      string `json:",omitempty"`
	URL     string `json:",omitempty"`
	Proto   string `json:",omitempty"`
	Opts    any    `json:",omitempty"`
	Error   string
	Extra   any `json:",omitempty"`
}

// texts are what ngrok says with its codes, in its manner: the code on a line
// of its own at the end.
var texts = map[string]string{
	NoToken:       "Usage of ngrok requires a verified account and authtoken.",
	Malformed:     "The authtoken you specified does not look like a proper ngrok authtoken.",
	OldToken:      "The authtoken you specified is an ngrok v1 authtoken.",
	BadToken:      "The authtoken you specified is properly formed, but it is invalid.\nThis usually happens when you reset it.",
	TooMany:       "Your account is limited to 3 simultaneous ngrok agent sessions.",
	OldAgent:      "Your ngrok agent version is too old.",
	AlreadyOnline: "The endpoint is already online.",
	BadURL:        "The endpoint URL you specified is not valid.",
}

func (s *session) refuse(code string) reply {
	s.edge.change(func() { s.edge.counts.Refused++ })
	text := texts[code]
	if text == "" {
		text = "The edge refuses."
	}
	return reply{Error: text + "\n\n" + code + "\n"}
}

func (s *session) auth(q question) reply {
	e := s.edge
	token := q.Extra.Authtoken
	e.mu.Lock()
	known := len(e.cfg.Tokens) == 0 || slices.Contains(e.cfg.Tokens, token)
	if slices.Contains(e.revoked, token) {
		known = false
	}
	code := e.faults.AuthCode
	e.mu.Unlock()
	switch {
	case code != "":
	case token == "":
		code = NoToken
	case strings.ContainsAny(token, " \t\n"):
		code = Malformed
	case !known:
		code = BadToken
	}
	if code != "" {
		return s.refuse(code)
	}
	s.mu.Lock()
	s.granted = true
	s.mu.Unlock()
	e.change(func() {
		e.counts.Sessions++
		e.sessions[s] = struct{}{}
	})
	// No ClientId: when one comes, the SDK writes to its session's logger, which
	// its heartbeat reads at the same time, and no test could run under the race
	// detector.
	return reply{Version: "3", Extra: map[string]string{
		"Version": "prod", "Region": "loop", "AccountName": "ngroktest", "PlanName": "Free", "Cookie": rand.Text(), "AgentSessionID": "ts_" + rand.Text(),
	}}
}

func (s *session) unbind(id string) {
	s.mu.Lock()
	h := s.binds[id]
	delete(s.binds, id)
	s.mu.Unlock()
	if h != nil {
		s.edge.change(func() { h.free(s) })
		h.cut(s)
	}
}

func (s *session) stopTunnels(message, code string) {
	s.mu.Lock()
	ids := make([]string, 0, len(s.binds))
	for id := range s.binds {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		if stream, err := s.mux.OpenTypedStream(stopTunnelReq); err == nil {
			_ = json.NewEncoder(stream).Encode(map[string]string{"Id": id, "Message": message, "ErrorCode": code})
			_ = stream.CloseWrite()
		}
		s.unbind(id)
	}
}

// proxy opens a stream to the agent for a connection to a host.
func (s *session) proxy(id string, client net.Addr) (muxado.Stream, error) {
	stream, err := s.mux.OpenTypedStream(proxyReq)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(map[string]any{"Id": id, "ClientAddr": client.String(), "Proto": "https", "EdgeType": "", "PassthroughTLS": false})
	if err != nil {
		return nil, err
	}
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	if _, err := stream.Write(append(head, header...)); err != nil {
		return nil, err
	}
	return stream, nil
}
