package network

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxCAFile is far more than the bundle of a whole system holds.
const maxCAFile = 16 << 20

// readRoots returns the system's certificates and those of a PEM file. A
// certificate that cannot be read is an error: leaving it out would surface as
// a server that is not trusted, far from its cause.
func readRoots(file string) (*x509.CertPool, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA file: %w", err)
	}
	certs, err := parseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("read the CA file %q: %w", file, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	for _, cert := range certs {
		roots.AddCert(cert)
	}
	return roots, nil
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err == nil && len(text) > maxCAFile {
		err = fmt.Errorf("%q is larger than %d MiB", file, maxCAFile>>20)
	}
	return text, err
}

func parseCertificates(text []byte) (certs []*x509.Certificate, err error) {
	if len(text) == 0 {
		return nil, errors.New("it is empty")
	}
	other := ""
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			other = block.Type
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) > 0 {
		return certs, nil
	}
	if other != "" {
		return nil, fmt.Errorf("it holds no certificate, but a %q", other)
	}
	if _, err := x509.ParseCertificate(text); err == nil {
		return nil, errors.New("it is in DER form, and has to be in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return nil, errors.New("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
}
