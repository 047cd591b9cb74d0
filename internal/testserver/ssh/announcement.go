package ssh

import (
	"fmt"
	"sync/atomic"
)

// Words give what a service prints when a port is forwarded, in its own words:
// with colours, carriage returns, and addresses that are not the tunnel's. The
// service is named as --tunnel names it; anything else speaks as tuns.sh. The
// address is the same each time, and for those that make it of the name that is
// asked for, of that.
func Words(service string) func(name string) string {
	return func(name string) string { return words(service, name, "") }
}

// FreshWords are those of a service that has another address for each
// forwarding.
func FreshWords(service string) func(name string) string {
	var times atomic.Int64
	return func(name string) string { return words(service, name, fmt.Sprintf("n%d-", times.Add(1))) }
}

func words(service, name, fresh string) string {
	switch service {
	case "localhost.run":
		host := fresh + "0123456789abcd.lhr.life"
		return `{"connection_id":"1","event":"authn","message":"authenticated as anonymous user","status":"success"}` + "\n" +
			fmt.Sprintf(`{"connection_id":"1","event":"tcpip-forward","message":"%s tunneled with tls termination, https://%s","address":"%s","listen_host":"localhost","listen_port":80,"status":"success"}`+"\n", host, host, host)
	case "serveo":
		return "\x1b[32mForwarding HTTP traffic from https://" + fresh + "0123-203-0-113-9.serveousercontent.com\x1b[0m\r\nPress g to start a GUI session and ctrl-c to quit.\r\n"
	case "pinggy":
		host := fresh + "rnabc-203-0-113-9.a.free.pinggy.link"
		return "You are not authenticated.\r\nYour tunnel will expire in 60 minutes. Upgrade to Pinggy Pro to get unrestricted tunnels. https://dashboard.pinggy.io\r\n\r\n" +
			"http://" + host + "\r\nhttps://" + host + "\r\n"
	case "srv.us":
		return "1: https://" + fresh + "abcdefghijklmnopqrstuvwxyz.srv.us/\r\n"
	}
	host := fresh + name + ".tuns.sh"
	return "Press Ctrl-C to close the session.\r\n\r\nStarting SSH Forwarding service for \x1b[33mhttp:80\x1b[0m. Forwarded connections can be accessed via the following methods:\r\n" +
		"\x1b[34mHTTP\x1b[0m: http://" + host + "\r\n\x1b[34mHTTPS\x1b[0m: https://" + host + "\r\n\r\n"
}
