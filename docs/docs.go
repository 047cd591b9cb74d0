// Package docs is the pages of the documentation that the program can show: the topics
// of "hf-tap help" are made from them, so that both say the same.
package docs

import "embed"

// Pages are the pages by their file names.
//
//go:embed commands.md filter.md
var Pages embed.FS
