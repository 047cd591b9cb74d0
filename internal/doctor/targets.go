package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// targets connects to each target, and requests its paths. It sends no event.
func (x *examination) targets(ctx context.Context, routes []receiver.Route) {
	for _, route := range routes {
		if target, ok := route.Target.(*receiver.HTTPTarget); ok { // as all that --forward names
			f := lookAtTarget(ctx, target)
			if f.Status == OK {
				lookForPaths(ctx, target, &f)
			}
			x.add(f)
		}
	}
}

func lookAtTarget(ctx context.Context, target *receiver.HTTPTarget) Finding {
	name, proxy := event.MaskURL(target.Name()), target.Proxy()
	secure := strings.HasPrefix(name, "https:")
	start := time.Now()
	at, err := target.Check(ctx)
	f := Finding{Check: "target", Status: OK, Detail: name + " takes connections", MS: ms(time.Since(start))}
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.Equal(net.IPv6loopback) && !strings.Contains(name, "[::1]") {
		f.Detail += " at ::1"
	}
	if secure {
		f.Detail += ", and its certificate is trusted"
	}
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		f.Status, f.Detail = Failed, name+" does not speak TLS"
		f.Hint = "hf-tap doctor --forward " + strings.Replace(name, "https:", "http:", 1)
	case errors.As(err, &certificate):
		f.Status, f.Detail = Failed, fmt.Sprintf("%s: %v", name, certificate.Err)
		f.Hint = "trust its certificate, if it is your own: --ca FILE"
	case err != nil:
		f.Status, f.Detail = Failed, fmt.Sprintf("%s: %v", name, err)
		f.Hint = "start your app; events wait a minute for it (--wait-target)"
	case proxy != "" && !secure: // it takes a request to see more
		f.Status, f.Detail = Warning, fmt.Sprintf("%s is unverified: the proxy %s accepts the connection", name, proxy)
	case proxy != "":
		f.Detail += ", through the proxy " + proxy
	}
	return f
}
