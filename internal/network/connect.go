package network

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer is how many bytes of a proxy's answer to CONNECT are read while
// looking for the end of its header. It takes in what a proxy with many headers
// sends, and an endless header ends there.
const maxAnswer = 64 << 10

var errAnswerTooLong = errors.New("its answer does not end within 64 KiB")

// connectCONNECT asks an HTTP proxy on conn for a connection to address (RFC 9110,
// section 9.3.6). The caller closes conn when its patience ends.
func connectCONNECT(conn net.Conn, p *proxy, address string) (net.Conn, error) {
	req := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: address},
		Host:   address,
		Header: http.Header{"User-Agent": {"hf-tap"}},
	}
	if user, password, given := p.credentials(); given {
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("ask for the connection: %w", err)
	}
	resp, rest, err := readAnswer(conn, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, refusal(resp, p, address)
	}
	if len(rest) > 0 {
		return &startedConn{Conn: conn, rest: bytes.NewReader(rest)}, nil
	}
	return conn, nil
}

// readAnswer reads the header of the answer to a CONNECT request and gives the
// bytes that came after it: a server that speaks first may be that fast. It
// passes over interim answers, and takes nothing for a body: an answer of 2xx
// has none, whatever it says.
func readAnswer(conn io.Reader, req *http.Request) (*http.Response, []byte, error) {
	limited := &io.LimitedReader{R: conn, N: maxAnswer}
	r := bufio.NewReader(limited)
	for {
		resp, err := http.ReadResponse(r, req)
		switch {
		case err != nil && limited.N == 0:
			return nil, nil, errAnswerTooLong
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, nil, fmt.Errorf("it closed the connection without an answer: %w", err)
		case err != nil:
			return nil, nil, fmt.Errorf("its answer is not HTTP: %w", err)
		case resp.StatusCode < 100:
			return nil, nil, fmt.Errorf("its answer is not HTTP: status %03d", resp.StatusCode)
		case resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols:
			continue
		}
		rest, err := r.Peek(r.Buffered())
		return resp, rest, err
	}
}

// refusal says what a proxy meant with a status other than 2xx.
func refusal(resp *http.Response, p *proxy, address string) error {
	_, text, _ := strings.Cut(resp.Status, " ")
	e := &ProxyError{Proxy: p.masked(), From: p.from, Target: address, Status: resp.StatusCode, Text: text[:min(len(text), 200)]}
	if resp.StatusCode != http.StatusProxyAuthRequired {
		return e
	}
	e.Err = ErrPasswordNeeded
	if _, _, given := p.credentials(); given {
		e.Err = ErrPasswordRefused
	}
	if schemes := authSchemes(resp.Header); schemes != "" {
		e.Err = fmt.Errorf("%w: it knows %q, and hf-tap knows Basic", e.Err, schemes)
	}
	return e
}

// authSchemes lists how a proxy lets its users identify themselves, "" if Basic
// is among them or it does not say.
func authSchemes(h http.Header) string {
	var schemes []string
	for _, challenge := range h.Values("Proxy-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		if strings.EqualFold(scheme, "Basic") {
			return ""
		}
		schemes = append(schemes, scheme[:min(len(scheme), 40)])
	}
	return strings.Join(schemes[:min(len(schemes), 5)], ", ")
}

// startedConn is a connection of which the first bytes have been read already.
type startedConn struct {
	net.Conn
	rest *bytes.Reader
}

// Read returns the bytes that were read already, then those that come.
func (c *startedConn) Read(p []byte) (int, error) {
	if c.rest.Len() > 0 {
		return c.rest.Read(p)
	}
	return c.Conn.Read(p)
}

// CloseWrite says that nothing more is sent, as it does for the connections of
// packages net and tls.
func (c *startedConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
