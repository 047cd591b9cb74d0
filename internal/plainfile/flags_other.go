//go:build !unix

package plainfile

// Flags is empty: Windows has no named pipes among its files.
const Flags = 0
