// Package ngrok is an ngrok edge on loopback, for tests. The real SDK
// connects to it over TLS and speaks its real protocol with it: a muxado
// session, heartbeats, and one typed stream for each question. Connections to
// a bound host, which is a port on loopback, are handed to the agent as ngrok
// hands them, one stream each.
//
// It can be made to fail in the ways that ngrok and the network between fail:
// see Faults, which can be changed at any moment.
//
// The SDK leaves goroutines behind for a while: IgnoreLingering names them for
// goleak.
package ngrok
