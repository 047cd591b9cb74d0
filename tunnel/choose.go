package tunnel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Auto is the name for the provider that fits: the first [Choice] that has a
// reason for it.
const Auto = "auto"

// Choice is a provider that can be named.
type Choice struct {
	// Name is the provider's name. One like "ssh://[user@]host" stands for all
	// names with the same scheme.
	Name string
	// Auto is why Auto takes this provider, for people, as in "there is a token for
	// it". If it is empty, Auto does not.
	Auto string
	// Own is set for a way that no third party has a part in. It cannot be combined
	// with others.
	Own bool
	// New makes the provider of a name. Settings that are invalid, or contradict each
	// other, are an [ErrUsage].
	New func(name string) (Provider, error)
}

// stands reports whether the choice has this name.
func (c Choice) stands(name string) bool {
	if scheme, _, ok := strings.Cut(c.Name, "://"); ok {
		return strings.HasPrefix(name, scheme+"://")
	}
	return name == c.Name
}

// Selection is the providers that [Open] tries, in this order.
type Selection struct {
	Providers []Provider
	// Auto is why [Auto] took the only provider. If it is empty, the user named the
	// providers.
	Auto string
	// Own is set if no third party has a part in the only provider.
	Own bool
}

// Choose selects providers by their names: one name, or several with commas
// between them. An empty name is [Auto]. The error is an [ErrUnknownProvider],
// an [ErrUsage], or what New returned. Of several providers, one that lacks
// something other than valid settings fails when it is opened, not here.
func Choose(choices []Choice, names string) (Selection, error) {
	if names == "" || names == Auto {
		for _, c := range choices {
			if c.Auto != "" {
				p, err := c.New(c.Name)
				if err != nil {
					return Selection{}, err
				}
				return Selection{[]Provider{p}, c.Auto, c.Own}, nil
			}
		}
		return Selection{}, fmt.Errorf("%w %q", ErrUnknownProvider, Auto)
	}
	var s Selection
	list := strings.Split(names, ",")
	for i, name := range list {
		list[i] = strings.TrimSpace(name)
		c, err := find(choices, list[i])
		switch {
		case len(list) > 1 && (c.Own || list[i] == Auto):
			return Selection{}, fmt.Errorf("%w: %s does not go with others", ErrUsage, list[i])
		case err != nil:
			return Selection{}, err
		case slices.Contains(list[:i], list[i]):
			return Selection{}, fmt.Errorf("%w: %s is named twice", ErrUsage, list[i])
		}
		p, err := c.New(list[i])
		if err != nil && (len(list) == 1 || errors.Is(err, ErrUsage)) {
			return Selection{}, err
		}
		if err != nil {
			p = unavailable{list[i], err}
		}
		s.Providers, s.Own = append(s.Providers, p), c.Own
	}
	return s, nil
}

func find(choices []Choice, name string) (Choice, error) {
	i := slices.IndexFunc(choices, func(c Choice) bool { return c.stands(name) })
	if i < 0 {
		return Choice{}, fmt.Errorf("%w %q", ErrUnknownProvider, name)
	}
	return choices[i], nil
}

// Names returns the names of the providers.
func (s Selection) Names() []string {
	var names []string
	for _, p := range s.Providers {
		names = append(names, p.Name())
	}
	return names
}

// Open opens a tunnel by the first of the providers that can open one. The end of
// ctx stops the opening only: an open tunnel lasts until Close.
//
// If all of several providers fail, the error is an [*AllFailedError]. If a
// provider fails that Auto took, it is an [*AutoError], unless it is the user's
// own.
func (s Selection) Open(ctx context.Context) (Tunnel, error) {
	failed := &AllFailedError{Providers: s.Names()}
	for _, p := range s.Providers {
		t, err := p.Open(ctx)
		if err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed.Errs = append(failed.Errs, err)
	}
	if len(failed.Errs) != 1 {
		return nil, failed
	}
	if s.Auto != "" && !s.Own {
		return nil, &AutoError{failed.Providers[0], failed.Errs[0]}
	}
	return nil, failed.Errs[0]
}

// Opener returns a KeeperConfig.Open that calls [Selection.Open]. Once a provider
// has opened a tunnel, later calls try only that provider. The function must not
// be called from several goroutines at once.
func (s Selection) Opener() func(ctx context.Context) (Tunnel, error) {
	return func(ctx context.Context) (Tunnel, error) {
		t, err := s.Open(ctx)
		if err == nil {
			s.Providers = slices.Clone(s.Providers)
			s.Providers = slices.DeleteFunc(s.Providers, func(p Provider) bool { return p.Name() != t.Provider() })
		}
		return t, err
	}
}

// unavailable is a provider that cannot be made.
type unavailable struct {
	name string
	err  error
}

func (u unavailable) Name() string                         { return u.name }
func (u unavailable) Open(context.Context) (Tunnel, error) { return nil, u.err }
func (u unavailable) Diagnose(context.Context) []Finding {
	return []Finding{{Step: FindingSession, Err: u.err}}
}

// AutoError is the failure of the provider that Auto chose. Open tries no other
// one, because a third party is used only if the user names it.
type AutoError struct {
	Provider string // the chosen one
	Err      error
}

// Error says what failed.
func (e *AutoError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *AutoError) Unwrap() error { return e.Err }

// AllFailedError means that each of several providers failed.
type AllFailedError struct {
	Providers []string // in the order of the tries
	Errs      []error  // the error of each
}

// Error returns the error of each provider, in one line.
func (e *AllFailedError) Error() string {
	var each []string
	for i, err := range e.Errs {
		each = append(each, fmt.Sprintf("%s: %v", e.Providers[i], err))
	}
	return "none of the tunnels can be opened: " + strings.Join(each, "; ")
}

// Unwrap returns the causes.
func (e *AllFailedError) Unwrap() []error { return e.Errs }
