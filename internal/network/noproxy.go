package network

import (
	"net"
	"strings"
)

// noProxy is what NO_PROXY says, read as Go's own clients read it: a list with
// commas of addresses (192.0.2.1), networks (192.0.2.0/24), domains with all
// below them (example.com) and what is below a domain only (.example.com,
// *.example.com); addresses and domains may have a port; * is everything.
type noProxy struct {
	all     bool
	nets    []*net.IPNet
	ips     []exception
	domains []exception
}

// exception is an address or domain. A port of "" is every port.
type exception struct {
	ip     net.IP
	suffix string // of the names that it means, with the dot
	itself bool   // it means the suffix without its dot, too
	port   string
}

// parseNoProxy passes over what it cannot make sense of, as everybody does.
func parseNoProxy(list string) (n noProxy) {
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			return noProxy{all: true}
		}
		if _, network, err := net.ParseCIDR(entry); err == nil {
			n.nets = append(n.nets, network)
			continue
		}
		host, port, err := net.SplitHostPort(entry)
		if err != nil {
			host = strings.Trim(entry, "[]")
		}
		if strings.HasPrefix(host, "*.") {
			host = host[1:]
		}
		if ip := net.ParseIP(host); ip != nil {
			n.ips = append(n.ips, exception{ip: ip, port: port})
			continue
		}
		if name := strings.Trim(host, "."); name != "" {
			n.domains = append(n.domains, exception{suffix: "." + name, itself: host[0] != '.', port: port})
		}
	}
	return n
}

// covers reports whether host:port is to be reached without a proxy.
func (n noProxy) covers(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if n.all || err != nil {
		return n.all
	}
	fits := func(e exception) bool { return e.port == "" || e.port == port }
	if ip := net.ParseIP(host); ip != nil {
		for _, network := range n.nets {
			if network.Contains(ip) {
				return true
			}
		}
		for _, e := range n.ips {
			if e.ip.Equal(ip) && fits(e) {
				return true
			}
		}
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, e := range n.domains {
		if (strings.HasSuffix(host, e.suffix) || e.itself && host == e.suffix[1:]) && fits(e) {
			return true
		}
	}
	return false
}
