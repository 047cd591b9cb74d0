// Package neterror explains in plain words why a connection failed. Go's own texts
// name system calls and the addresses of name servers.
package neterror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// Windows has numbers of its own for what a socket reports, and the constants
// of package syscall there are not those.
var plain = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "connection refused", 10061: "connection refused",
	syscall.ECONNRESET: "the connection was reset", 10054: "the connection was reset",
	syscall.EPIPE: "the connection was closed", 10053: "the connection was closed",
	syscall.ENETUNREACH: "the network is unreachable", 10051: "the network is unreachable",
	syscall.EHOSTUNREACH: "there is no route to it", 10065: "there is no route to it",
	syscall.ETIMEDOUT: "no connection in time", 10060: "no connection in time",
}

const noTLS = "it does not speak TLS at that port"

// Cause is the error below what packages net and net/url wrap around it. An
// error that explains itself is its own cause, even if it wraps others.
func Cause(err error) error {
	for {
		var inner error
		switch e := err.(type) {
		case *url.Error:
			inner = e.Err
		case *net.OpError:
			inner = e.Err
		case *os.SyscallError:
			inner = e.Err
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// Plain returns err with its Reason as its text.
func Plain(err error) error { return &plainError{err} }

type plainError struct{ err error }

func (e *plainError) Error() string { return Reason(e.err) }
func (e *plainError) Unwrap() error { return e.err }

// Reason explains in a few words why a connection failed, or why no answer came.
func Reason(err error) string {
	cause := Cause(err)
	var timeout net.Error
	switch e := cause.(type) {
	case nil:
		return ""
	case syscall.Errno:
		if text, known := plain[e]; known {
			return text
		}
	case *net.DNSError:
		return resolving(e)
	case *tls.CertificateVerificationError:
		return certificate(e.Err)
	case tls.RecordHeaderError:
		return noTLS
	case tls.AlertError:
		return fmt.Sprintf("it refuses TLS (%s)", strings.TrimPrefix(e.Error(), "tls: "))
	}
	switch {
	case errors.Is(cause, context.Canceled):
	case cause == http.ErrSchemeMismatch: // net/http's word for a server without TLS
		return noTLS
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	case errors.As(cause, &timeout) && timeout.Timeout() && timeout == cause:
		return "no connection in time"
	}
	return cause.Error()
}

func resolving(e *net.DNSError) string {
	switch {
	case e.IsNotFound:
		return "cannot resolve " + e.Name
	case e.IsTimeout:
		return fmt.Sprintf("cannot resolve %s: the name server does not answer", e.Name)
	}
	return fmt.Sprintf("cannot resolve %s: %s", e.Name, e.Err)
}

// certificate says what is wrong with a certificate.
func certificate(err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		if unknown.Cert != nil && unknown.Cert.Issuer.String() != "" {
			return fmt.Sprintf("its certificate is not trusted: it is signed by %q", unknown.Cert.Issuer.String())
		}
		return "its certificate is not trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate is not valid now: %s", strings.TrimPrefix(invalid.Error(), "x509: "))
	case errors.As(err, &name):
		return fmt.Sprintf("its certificate is not for %s", name.Host)
	}
	return fmt.Sprintf("its certificate is not trusted: %s", strings.TrimPrefix(err.Error(), "x509: "))
}
