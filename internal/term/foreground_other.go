//go:build !unix

package term

import "os"

func foreground(*os.File) bool { return true }
