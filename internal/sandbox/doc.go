// Package sandbox is a stand-in for the Hugging Face Hub: its webhooks API,
// whoami, and a small world of repos in which things happen and are delivered
// to webhooks. It follows the Hub's OpenAPI document and docs to the letter
// where they speak; where they are silent, each possible behaviour is a field
// of Modes, so that a client can be tried against all of them.
//
// Nothing in here reaches beyond this machine. The server listens on loopback
// addresses only and answers only requests that name it by one, so that a web
// page cannot talk to it under a name of its own; deliveries go to loopback
// addresses only, which is checked on the address that is dialled.
//
// One mutex guards all state. What happens in the world runs as an act, under
// that mutex, and puts deliveries into the queues of webhooks; goroutines owned
// by the Hub empty them, and Close waits for those.
package sandbox
