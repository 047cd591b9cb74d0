package cli

import (
	"crypto/x509"

	"github.com/hf-tap/hf-tap/receiver"
)

// trustRoots lets https targets have the certificates of --ca.
func trustRoots(roots *x509.CertPool, routes ...receiver.Route) {
	for _, route := range routes {
		if target, ok := route.Target.(*receiver.HTTPTarget); ok {
			target.Roots = roots
		}
	}
}
