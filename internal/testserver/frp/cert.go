package frp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Certificate selects the certificate that the server shows.
type Certificate int

// The certificates that a server has.
const (
	Valid     Certificate = iota // for 127.0.0.1, by the server's authority
	Expired                      // the same, but its time is over
	OtherName                    // the same, but for another host
	Stranger                     // by another authority
)

// authority is a CA and the certificates that the server shows.
type authority struct {
	pem    []byte
	cert   *x509.Certificate
	leaves [4]tls.Certificate
}

func newAuthority() (*authority, error) {
	now := time.Now()
	signer := func(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(48 * time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			return nil, nil, err
		}
		cert, err := x509.ParseCertificate(der)
		return cert, key, err
	}
	a := &authority{}
	ca, key, err := signer("frptest CA")
	if err != nil {
		return nil, err
	}
	other, otherKey, err := signer("frptest stranger")
	if err != nil {
		return nil, err
	}
	a.cert, a.pem = ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	for which := range a.leaves {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(int64(which) + 2), Subject: pkix.Name{CommonName: "frptest server"},
			NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		parent, signKey := ca, key
		switch Certificate(which) {
		case Expired:
			leaf.NotAfter = now.Add(-time.Hour)
		case OtherName:
			leaf.IPAddresses, leaf.DNSNames = nil, []string{"frp.example"}
		case Stranger:
			parent, signKey = other, otherKey
		}
		leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &leafKey.PublicKey, signKey)
		if err != nil {
			return nil, err
		}
		a.leaves[which] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}
	}
	return a, nil
}
