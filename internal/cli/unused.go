package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// tellUnused says which flags were given and have no effect.
func (p *Process) tellUnused(fs *pflag.FlagSet, why string, names ...string) {
	var given []string
	for _, name := range names {
		if fs.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	switch len(given) {
	case 0:
	case 1:
		p.tell("%s has no effect %s", given[0], why)
	default:
		p.tell("%s have no effect %s", strings.Join(given, ", "), why)
	}
}
