// Pictures draws the pictures of the screen in README.md and docs/ with the interface
// itself, from sample events. Run it in the repository's root after the interface has
// changed:
//
//	go run ./tui/pictures
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := "docs"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, content := range pictures(context.Background()) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		fmt.Println(filepath.Join(dir, name))
	}
}
