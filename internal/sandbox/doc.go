// Package sandbox is a stand-in for the Hugging Face Hub. It has the webhooks API,
// whoami, and repos with commits, branches, tags, discussions and pull requests. Each
// change, by the API or by the methods of Hub, is delivered to the webhooks that watch
// the repo.
//
// It follows the Hub's OpenAPI document, its docs and its clients. Where these do not
// say how a webhook behaves, Modes has a field for each possible behaviour, so that a
// client can be tested against all of them. A call that only the real Hub has is
// answered 501 with its name.
//
// The sandbox does not communicate with other machines. The server listens on loopback
// addresses. It answers only requests whose Host is one, because a web page could call
// it under a domain that resolves to this machine. Deliveries go to loopback addresses
// only, which is checked after the host's name is resolved.
//
// One mutex guards all state. Each change runs as a hubChange under that mutex, and puts
// deliveries into the queues of webhooks. Goroutines of the Hub send them, and Close
// waits for these.
package sandbox
