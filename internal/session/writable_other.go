//go:build !unix

package session

// writable reports nothing: here only writing shows it.
func writable(string) error { return nil }
