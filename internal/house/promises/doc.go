// Package promises is a set of tests that run the built program and check what
// it promises its users: no delivery that was answered 200 is lost, no webhook
// stays on the account, no byte of a delivery changes on its way to a target,
// and no secret reaches an output.
//
// The tests use only what stays the same when the program is rewritten: its
// command line, HTTP, exit codes, the keys of docs/events.md, signals, and the
// few words of its output that scripts may rely on. They import no other
// package of this module. The Hub is the program's own "hf-tap sandbox" behind a
// proxy of the tests, and the targets are HTTP servers of the tests.
//
// Later changes may add tests here. A test that is here already states a
// promise: a change that breaks it breaks the promise.
//
// HF_TAP_PROMISES_ROUNDS is how often the program is killed at a random moment,
// 10 by default.
package promises
