// Package headers lists the hop-by-hop headers, which are not passed on (RFC 9110,
// section 7.6.1).
package headers

import (
	"net/http"
	"strings"
)

// OfConnection reports whether a header, in canonical spelling, belongs to one
// connection, or describe how one request is written: a server that sends the request
// on makes these anew.
func OfConnection(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
	case "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info": // for the proxy that asked for them
	case "Host", "Content-Length", "Expect": // of one request
	default:
		return false
	}
	return true
}

// Onward copies the headers of a request that are meant for its handler: without
// those of the connection, and without those that Connection names. The values are
// shared.
func Onward(h http.Header) http.Header {
	out := make(http.Header, len(h)+1)
	for name, values := range h {
		if !OfConnection(http.CanonicalHeaderKey(name)) {
			out[name] = values
		}
	}
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	return out
}
