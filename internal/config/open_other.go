//go:build !unix

package config

import (
	"io/fs"
	"os"
)

// open opens a file to read it.
func open(path string, _ bool) (*os.File, error) { return os.Open(path) }

// otherOwner reports nothing: here a folder's rights are inherited from the user's.
func otherOwner(fs.FileInfo, bool) (name string, other bool) { return "", false }
