package ngrok

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.ngrok.com/muxado/v2"
)

// host is a public address that agents can bind: a port on loopback. Once made
// it stays until the edge closes, and answers 404 while nobody has it.
type host struct {
	edge  *Edge
	url   string
	token string // a bind that shows it gets this host again

	// Under the edge's lock: who has it, and under which id of a bind.
	bound *session
	id    string

	mu    sync.Mutex
	conns map[io.Closer]*session // those that lead to an agent
}

// bind gives an agent a host: the one that its token stands for, that it asks
// for by name, or the account's own.
func (s *session) bind(q question) reply {
	e := s.edge
	if code := e.fault().BindCode; code != "" {
		return s.refuse(code)
	}
	name := ""
	if q.Opts.URL != "" {
		u, err := url.Parse(q.Opts.URL)
		if err != nil || !strings.Contains(u.Hostname(), ".") {
			return s.refuse(BadURL)
		}
		name = u.Hostname()
	}
	h, err := e.hostFor(name, q.Extra.Token)
	if err != nil {
		return reply{Error: err.Error()}
	}
	id := q.Id
	if id == "" {
		id = rand.Text()
	}
	s.mu.Lock()
	if s.binds == nil { // the session has ended
		s.mu.Unlock()
		return reply{Error: "session gone"}
	}
	s.mu.Unlock()
	taken := false
	e.change(func() {
		if taken = h.bound != nil; !taken {
			h.bound, h.id = s, id
			e.granted[h.token] = h
			e.counts.Binds++
		}
	})
	if taken {
		return s.refuse(AlreadyOnline)
	}
	s.mu.Lock()
	ended := s.binds == nil
	if !ended {
		s.binds[id] = h
	}
	s.mu.Unlock()
	if ended {
		e.change(func() { h.free(s) })
		return reply{Error: "session gone"}
	}
	return reply{Id: id, URL: h.url, Proto: q.Proto, Opts: struct{}{}, Extra: map[string]string{"Token": h.token, "TunnelID": "tn_" + id}}
}

func (e *Edge) hostFor(name, token string) (*host, error) {
	e.mu.Lock()
	h := e.granted[token]
	if h == nil {
		h = e.hosts[name]
	}
	e.mu.Unlock()
	if h != nil {
		return h, nil
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if e.cfg.HTTPS {
		scheme = "https://"
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{e.ca.leaves[Valid]}})
	}
	h = &host{edge: e, url: scheme + ln.Addr().String(), token: rand.Text(), conns: map[io.Closer]*session{}}
	if !e.track(ln) {
		return nil, errClosed
	}
	e.change(func() { e.hosts[name] = h })
	e.wg.Go(func() { h.serve(ln) })
	return h, nil
}

// free releases the host, if the session has it. The edge's lock is held.
func (h *host) free(s *session) {
	if h.bound == s {
		h.bound, h.id = nil, ""
	}
}

// cut closes the connections that lead to a session, nil for any.
func (h *host) cut(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, to := range h.conns {
		if s == nil || s == to {
			_ = c.Close()
		}
	}
}

func (h *host) serve(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		h.edge.change(func() { h.edge.counts.Public++ })
		if !h.edge.track(conn) {
			return
		}
		h.edge.wg.Go(func() {
			defer h.edge.drop(conn)
			h.connect(conn)
		})
	}
}

// connect leads a connection to the agent, or answers in its place.
func (h *host) connect(conn net.Conn) {
	e := h.edge
	e.mu.Lock()
	s, id, gateway := h.bound, h.id, e.faults.Gateway
	e.mu.Unlock()
	switch {
	case gateway != 0:
		page(conn, gateway, "")
		return
	case s == nil:
		page(conn, http.StatusNotFound, Offline)
		return
	}
	h.mu.Lock()
	h.conns[conn] = s
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.conns, conn)
		h.mu.Unlock()
	}()
	stream, err := s.proxy(id, conn.RemoteAddr())
	if err != nil {
		page(conn, http.StatusNotFound, Offline)
		return
	}
	defer stream.Close()
	e.wg.Go(func() {
		_, _ = io.Copy(stream, conn)
		_ = stream.CloseWrite()
	})
	_, _ = io.Copy(conn, stream)
	hangUp(conn, stream)
}

// hangUp ends what the agent has ended. The other copy ends with the
// connection.
func hangUp(conn net.Conn, stream muxado.Stream) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	_ = conn.Close()
	_ = stream.Close()
}

// page answers as a gateway does that has no app behind it: with a page for
// people.
func page(conn net.Conn, status int, code string) {
	var head [4096]byte
	if _, err := conn.Read(head[:]); err != nil {
		return
	}
	body := "<!DOCTYPE html>\n<html><body><h1>" + http.StatusText(status) + "</h1></body></html>\n"
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n", status, http.StatusText(status), len(body))
	if code != "" {
		fmt.Fprintf(conn, "Ngrok-Error-Code: %s\r\n", code)
	}
	fmt.Fprintf(conn, "\r\n%s", body)
	// Closing a connection with unread data resets it, and the answer is lost.
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, conn)
	}
}
