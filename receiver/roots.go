package receiver

import "crypto/x509"

// TrustRoots lets the https targets of routes have certificates of roots; nil stands
// for the system's.
func TrustRoots(roots *x509.CertPool, routes ...Route) {
	for _, route := range routes {
		if target, ok := route.Target.(*HTTPTarget); ok {
			target.Roots = roots
		}
	}
}
