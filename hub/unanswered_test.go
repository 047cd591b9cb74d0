package hub

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhyThereIsNoAnswerIsSaidInPlainWords(t *testing.T) {
	fails := func(err error) func(*ClientConfig) {
		return func(cfg *ClientConfig) {
			cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
		}
	}
	for want, err := range map[string]error{
		"cannot look up the token's user: cannot resolve hub.example": &net.OpError{Op: "dial", Net: "tcp",
			Err: &net.DNSError{Name: "hub.example", Server: "1.1.1.1:53", Err: "no such host", IsNotFound: true}},
		"cannot look up the token's user: no connection to the Hub at hub.example: its certificate is not for hub.example": &tls.CertificateVerificationError{
			Err: x509.HostnameError{Host: "hub.example", Certificate: &x509.Certificate{}}},
		// A transport's own words about a proxy stay as they are.
		"cannot look up the token's user: the Hub at hub.example does not answer: the proxy says no": errors.New("the proxy says no"),
	} {
		_, got := clientAt(t, "https://hub.example", fails(err)).WhoAmI(t.Context())
		if got == nil || got.Error() != want || !errors.Is(got, ErrUnreachable) || !errors.Is(got, err) {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

func TestACertificateThatIsNotTrustedIsTold(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200, nil, "{}"))
	server.Config.ErrorLog = discardLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := clientAt(t, server.URL).WhoAmI(t.Context())
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "its certificate is not trusted: it is signed by ") {
		t.Errorf("got %v", err)
	}
}
