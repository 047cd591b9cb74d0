// Package sandbox is a stand-in for the Hugging Face Hub: its webhooks API,
// whoami, and repos with commits, branches, tags, discussions and pull
// requests. What happens there, by the API or by the methods of Hub, is
// delivered to webhooks. It follows the Hub's OpenAPI document, its docs and its
// own clients; where these leave the behaviour of webhooks open, each
// possible one is a field of Modes, so that a client can be tried against all
// of them. Calls that the Hub has and the sandbox has not are answered 501 with
// their name.
//
// Nothing in here reaches beyond this machine. The server listens on loopback
// addresses only and answers only requests that name it by one, so that a web
// page cannot talk to it under a name of its own; deliveries go to loopback
// addresses only, which is checked on the address that is dialled.
//
// One mutex guards all state. Each change of the data runs as a hubChange, under that
// mutex, and puts deliveries into the queues of webhooks; goroutines owned by the Hub
// empty them, and Close waits for those.
package sandbox
