package webhooks

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unicode"
)

// checkName returns why an endpoint cannot have a name. Slashes around it are
// already gone. Only characters that look the same in a URL are allowed, so
// that the printed address is the one that a client requests.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("an endpoint needs a name, for example %q", "trigger_training")
	}
	if rest, ok := strings.CutPrefix(name+"/", "webhooks/"); ok {
		return fmt.Errorf("endpoint %q: the path begins with %s already: use %q", name, Prefix, strings.Trim(rest, "/"))
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "":
			return fmt.Errorf("endpoint %q has an empty part between two slashes", name)
		case ".", "..":
			return fmt.Errorf("endpoint %q: a part cannot be %q, which browsers and proxies remove", name, part)
		}
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("-_.~/", r) {
			return fmt.Errorf("endpoint %q: %q is not allowed in a name: use letters, digits and -_.~/", name, r)
		}
	}
	return nil
}

// functionName returns the name of a function in the source, in snake case:
// "trigger_training" for triggerTraining and for Bot.TriggerTraining.
func functionName(f Handler) (string, error) {
	full := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	name := full[strings.LastIndexByte(full, '/')+1:]
	_, name, _ = strings.Cut(name, ".") // the package
	name, isMethod := strings.CutSuffix(name, "-fm")
	name = strings.ReplaceAll(name, "[...]", "") // type parameters
	if isMethod {
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	// The compiler names a function literal after the function around it.
	if name == "" || strings.Contains(name, ".") {
		return "", fmt.Errorf("the function %s is anonymous: give its endpoint a name with Handle", full)
	}
	return snakeCase(name), nil
}

// snakeCase turns onPRMerged into on_pr_merged.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
