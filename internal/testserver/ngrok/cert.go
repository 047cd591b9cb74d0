package ngrok

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate selects the certificate that the edge shows to agents.
type Certificate int

// The certificates that an edge has.
const (
	Valid     Certificate = iota // for 127.0.0.1, by the edge's CA
	Expired                      // the same, but its time is over
	OtherName                    // the same, but for another host
)

// authority is a CA and the certificates that it has signed.
type authority struct {
	pem    []byte
	cert   *x509.Certificate
	leaves [3]tls.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ngroktest CA"},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	for which := range a.leaves {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(int64(which) + 2), Subject: pkix.Name{CommonName: "ngroktest edge"},
			NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		switch Certificate(which) {
		case Expired:
			leaf.NotAfter = now.Add(-time.Hour)
		case OtherName:
			leaf.IPAddresses, leaf.DNSNames = nil, []string{"edge.example"}
		}
		leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, &leafKey.PublicKey, key)
		if err != nil {
			return nil, err
		}
		a.leaves[which] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}
	}
	return a, nil
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// WriteCA writes the certificate of the edge's own authority to a file.
func (e *Edge) WriteCA(path string) error { return os.WriteFile(path, e.ca.pem, 0o600) }

// WriteConfig writes a configuration file of ngrok's own, in its third form,
// that leads to this edge with a token, "" for none. The CA goes to a file
// beside it. Folders on the way are made.
func (e *Edge) WriteConfig(path, token string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	ca := filepath.Join(filepath.Dir(path), "edge-ca.pem")
	if err := e.WriteCA(ca); err != nil {
		return err
	}
	text := fmt.Sprintf("version: \"3\"\nagent:\n  authtoken: %q\n  connect_url: %q\n  connect_cas: %q\n", token, e.Addr(), ca)
	return os.WriteFile(path, []byte(text), 0o600)
}
