//go:build unix

package session

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// writable reports why files cannot be made in a folder, nil if they can.
func writable(folder string) error {
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("write to the folder %q: %w", folder, err)
	}
	return nil
}
