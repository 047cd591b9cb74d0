package network

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func FuzzConnectAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSSH-2.0-x\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest", "HTTP/1.0 407 no\nProxy-Authenticate: NTLM\n\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n", "HTTP/1.1 999\r\n\r\n",
		"", "\x00\xff", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20000),
	} {
		f.Add([]byte(seed))
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: "tunnel.test:443"}}
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn := bytes.NewReader(sent)
		resp, rest, err := readAnswer(conn, req)
		if read := len(sent) - conn.Len(); read > maxAnswer {
			t.Fatalf("%d bytes were read", read)
		}
		if err != nil {
			return
		}
		if resp.StatusCode/100 == 1 && resp.StatusCode != 101 {
			t.Errorf("an interim answer is taken for the last: %d", resp.StatusCode)
		}
		unread, _ := io.ReadAll(conn)
		after := append(bytes.Clone(rest), unread...)
		header, whole := bytes.CutSuffix(sent, after)
		if !whole || !bytes.HasSuffix(header, []byte("\n\n")) && !bytes.HasSuffix(header, []byte("\n\r\n")) {
			t.Errorf("the answer %q was cut before %q", sent, after)
		}
		p := &proxy{url: &url.URL{Scheme: "http", Host: "proxy:1"}}
		if msg := refusal(resp, p, "tunnel.test:443").Error(); strings.ContainsAny(msg, "\x1b\r\n") {
			t.Errorf("the message %q is unfit for a terminal", msg)
		}
	})
}
