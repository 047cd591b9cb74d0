package network_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// authority is a private CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	return makeAuthority(filepath.Join(t.TempDir(), "ca.pem"))
}

func makeAuthority(file string) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: file},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(file, []byte(pemOf(der)), 0o600); err != nil {
		panic(err)
	}
	return authority{cert, key, file}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certify makes a server's certificate for names, which ends at until.
func (a authority) certify(t *testing.T, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: until, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if len(names) > 0 {
		template.IPAddresses = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// hub is an HTTPS server, with HTTP/2, that says who it was asked as.
func hub(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto+" "+r.Host)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = nil
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func withCA(t *testing.T, file string, pairs ...string) *network.Network {
	t.Helper()
	n, err := network.New(network.Config{Getenv: environment(pairs...), CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// get asks for a URL with a fresh transport of n.
func get(t *testing.T, n *network.Network, url string) (string, error) {
	t.Helper()
	transport := n.Transport()
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), nil
}

func TestTheCAFileAddsToWhatIsTrusted(t *testing.T) {
	ca := newAuthority(t)
	address := hub(t, ca.certify(t, time.Now().Add(time.Hour)))
	got, err := get(t, withCA(t, ca.file), "https://"+address)
	if err != nil || got != "HTTP/2.0 "+address {
		t.Errorf("got %q, %v", got, err)
	}
	var unknown x509.UnknownAuthorityError
	if _, err := get(t, open(t), "https://"+address); !errors.As(err, &unknown) {
		t.Errorf("without the file: %v", err)
	}
	if runtime.GOOS == "linux" {
		theirs := hub(t, system.certify(t, time.Now().Add(time.Hour)))
		if _, err := get(t, withCA(t, ca.file), "https://"+theirs); err != nil {
			t.Errorf("the system's are trusted no more: %v", err)
		}
	}
	if open(t).Roots() != nil || withCA(t, ca.file).Roots() == nil {
		t.Error("Roots is not nil exactly if there is no CA file")
	}
}

func TestCertificatesThatAreExpiredOrAnothersAreToldApart(t *testing.T) {
	ca := newAuthority(t)
	n := withCA(t, ca.file)
	var invalid x509.CertificateInvalidError
	if _, err := get(t, n, "https://"+hub(t, ca.certify(t, time.Now().Add(-time.Minute)))); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("expired: %v", err)
	}
	var name x509.HostnameError
	if _, err := get(t, n, "https://"+hub(t, ca.certify(t, time.Now().Add(time.Hour), "other.test"))); !errors.As(err, &name) {
		t.Errorf("another's: %v", err)
	}
}

func TestRequestsGoThroughProxiesOfEveryKind(t *testing.T) {
	ca := newAuthority(t)
	target := hub(t, ca.certify(t, time.Now().Add(time.Hour), "hub.test"))
	connect := &connectProxy{target: target, password: "me:secret"}
	overTLS := &connectProxy{target: target, password: "me:secret"}
	socks := &socksProxy{target: target, password: "me:secret"}
	own := ca.certify(t, time.Now().Add(time.Hour))
	for _, proxy := range []string{
		"http://me:secret@" + serve(t, connect.handle),
		"https://me:secret@" + serve(t, func(conn net.Conn) {
			overTLS.handle(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own}}))
		}),
		"socks5h://me:secret@" + serve(t, socks.handle),
	} {
		got, err := get(t, withCA(t, ca.file, "HTTPS_PROXY="+proxy), "https://hub.test")
		if err != nil || got != "HTTP/2.0 hub.test" {
			t.Errorf("through %s: got %q, %v", proxy, got, err)
		}
	}
	for _, a := range []string{connect.asked.String(), overTLS.asked.String(), "CONNECT " + socks.asked.String()} {
		if a != "CONNECT hub.test:443" {
			t.Errorf("a proxy was asked for %q", a)
		}
	}
}

func TestAProxysCertificateIsVerified(t *testing.T) {
	ca := newAuthority(t)
	own := ca.certify(t, time.Now().Add(time.Hour))
	address := serve(t, func(conn net.Conn) {
		_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own}}).Handshake()
	})
	err := fails(t, open(t, "HTTPS_PROXY=https://"+address), "tunnel.test:443")
	var refused *network.ProxyError
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &refused) || !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
}

func TestARequestFailsWithTheProxysRefusal(t *testing.T) {
	p := &connectProxy{password: "me:secret"}
	_, err := get(t, open(t, "HTTPS_PROXY="+serve(t, p.handle)), "https://hub.test")
	var refused *network.ProxyError
	if !errors.As(err, &refused) || !errors.Is(err, network.ErrPasswordNeeded) {
		t.Errorf("got %v", err)
	}
}

func TestPlainRequestsGoToTheProxyAsRequests(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "plain") }))
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	target := srv.Listener.Addr().String()
	ca := newAuthority(t)
	own := ca.certify(t, time.Now().Add(time.Hour))
	p := &connectProxy{target: target, password: "me:secret"}
	s := &socksProxy{target: target}
	for _, proxy := range []string{
		"http://me:secret@" + serve(t, p.handle),
		"https://me:secret@" + serve(t, func(conn net.Conn) {
			p.handle(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2", "http/1.1"}}))
		}),
		"socks5://" + serve(t, s.handle),
	} {
		// What is for https must stay out of it, for the proxy's own address, too.
		n := withCA(t, ca.file, "HTTP_PROXY="+proxy, "HTTPS_PROXY="+porttest.Addr(t))
		if got, err := get(t, n, "http://hub.test/x"); err != nil || got != "plain" {
			t.Errorf("through %s: got %q, %v", proxy, got, err)
		}
		if got, err := get(t, n, srv.URL); err != nil || got != "plain" {
			t.Errorf("beside %s: got %q, %v", proxy, got, err)
		}
	}
	if got := p.asked.String(); got != "GET http://hub.test/x; GET http://hub.test/x" {
		t.Errorf("the proxy was asked for %q", got)
	}
	if got := s.asked.String(); got != "hub.test:80" {
		t.Errorf("the SOCKS proxy was asked for %q", got)
	}
	address := porttest.Addr(t)
	var refused *network.ProxyError
	if _, err := get(t, open(t, "HTTP_PROXY="+address), "http://hub.test"); !errors.As(err, &refused) || refused.From != "HTTP_PROXY" {
		t.Errorf("a proxy that is gone: %v", err)
	}
}

func TestACAFileThatIsNoneIsAnError(t *testing.T) {
	ca := newAuthority(t)
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	for name, c := range map[string]struct{ file, want string }{
		"missing": {filepath.Join(t.TempDir(), "no.pem"), "no.pem"},
		"folder":  {t.TempDir(), "read the CA file"},
		"empty":   {write(t, ""), "it is empty"},
		"text":    {write(t, "hello\n"), "no certificate in PEM form"},
		"key":     {write(t, key), `no certificate, but a "PRIVATE KEY"`},
		"DER":     {write(t, string(ca.cert.Raw)), "DER form"},
		"broken":  {write(t, pemOf(ca.cert.Raw)+pemOf([]byte("broken"))), "certificate 2 in it"},
	} {
		_, err := network.New(network.Config{Getenv: environment(), CAFile: c.file})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := network.New(network.Config{Getenv: environment(), CAFile: write(t, key+pemOf(ca.cert.Raw))}); err != nil {
		t.Errorf("a key beside a certificate: %v", err)
	}
}
