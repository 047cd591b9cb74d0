//go:build !unix

package session

// writable always returns nil: on this system only a write shows it.
func writable(string) error { return nil }
