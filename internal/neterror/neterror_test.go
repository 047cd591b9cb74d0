package neterror_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/internal/neterror"
)

func TestEachCauseHasPlainWords(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://hub.example", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	call := func(errno syscall.Errno) error { return dial(os.NewSyscallError("connect", errno)) }
	issuer := &x509.Certificate{Issuer: pkix.Name{CommonName: "Firewall Inc."}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{call(syscall.ECONNREFUSED), "connection refused"},
		{call(10061), "connection refused"},
		{call(syscall.ENETUNREACH), "the network is unreachable"},
		{call(syscall.EHOSTUNREACH), "there is no route to it"},
		{call(syscall.ECONNRESET), "the connection was reset"},
		{dial(&net.DNSError{Name: "hub.example", Server: "1.1.1.1:53", Err: "no such host", IsNotFound: true}), "cannot resolve hub.example"},
		{dial(&net.DNSError{Name: "hub.example", Server: "1.1.1.1:53", Err: "i/o timeout", IsTimeout: true}), "cannot resolve hub.example: the name server does not answer"},
		{dial(&net.DNSError{Name: "hub.example", Err: "server misbehaving"}), "cannot resolve hub.example: server misbehaving"},
		{dial(os.ErrDeadlineExceeded), "no connection in time"},
		{dial(io.EOF), "the connection was closed without an answer"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: issuer}}, `its certificate is not trusted: it is signed by "CN=Firewall Inc."`},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "its certificate is not trusted"},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Host: "hub.example", Certificate: issuer}}, "its certificate is not for hub.example"},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: issuer, Reason: x509.Expired, Detail: "current time 2026-11-28 is after 2020-01-01"}}, "its certificate is not valid now: certificate has expired or is not yet valid: current time 2026-11-28 is after 2020-01-01"},
		{&tls.CertificateVerificationError{Err: errors.New("x509: strange")}, "its certificate is not trusted: strange"},
		{dial(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), "it does not speak TLS at that port"},
		{&url.Error{Err: http.ErrSchemeMismatch}, "it does not speak TLS at that port"},
		{dial(tls.AlertError(40)), "it refuses TLS (handshake failure)"},
		// What explains itself stays, whatever it wraps.
		{&url.Error{Err: fmt.Errorf("the proxy says no: %w", syscall.ECONNREFUSED)}, "the proxy says no: connection refused"},
		{context.Canceled, "context canceled"},
	} {
		if got := neterror.Reason(c.err); got != c.want {
			t.Errorf("%v\n got %q\nwant %q", c.err, got, c.want)
		}
		if plain := neterror.Plain(c.err); plain.Error() != c.want || !errors.Is(plain, c.err) {
			t.Errorf("%v: %v", c.err, plain)
		}
	}
}
