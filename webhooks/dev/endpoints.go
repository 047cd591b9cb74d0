package dev

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/webhooks"
)

// endpoints are those of a server, in the order of their registration.
type endpoints []webhooks.Endpoint

func endpointsOf(server *webhooks.Server) endpoints { return server.Endpoints() }

// routes leads to each endpoint what comes to its own address, and the events of the
// webhook that it matches. Matches that name nothing to watch are for its own address
// alone.
func (all endpoints) routes(server *webhooks.Server) (routes []receiver.Route) {
	for _, e := range all {
		target := newTarget(server, e)
		routes = append(routes, receiver.Route{Path: e.Path, Target: target})
		for _, m := range e.Matches {
			if slices.ContainsFunc(m.Watches, watchable) {
				routes = append(routes, receiver.Route{Match: m, Target: target})
			}
		}
	}
	return routes
}

// fed reports whether the session's webhook feeds any of the endpoints.
func (all endpoints) fed() bool { return slices.ContainsFunc(all, fed) }

func fed(e webhooks.Endpoint) bool {
	return slices.ContainsFunc(e.Matches, func(m event.Match) bool { return slices.ContainsFunc(m.Watches, watchable) })
}

// watchable reports whether a glob of a match names a repo or an account.
func watchable(glob string) bool { return !strings.Contains(glob, "*") || accountOf(glob) != "" }

// accountOf returns the account of a glob that stands for its repos, "me" of
// "dataset:me/*"; "" of others.
func accountOf(glob string) string {
	_, name, _ := strings.Cut(glob, ":")
	owner, repos, _ := strings.Cut(name, "/")
	if !strings.Contains(repos, "*") || strings.Contains(owner, "*") {
		return ""
	}
	return owner
}

// watches returns all that the endpoints name, each once. who is called when an account
// has to be looked up.
func (all endpoints) watches(who func() (hub.Identity, error)) (watches []hub.Watch, err error) {
	var me hub.Identity
	for _, e := range all {
		for _, m := range e.Matches {
			for _, glob := range m.Watches {
				var w hub.Watch
				account := accountOf(glob)
				switch {
				case !watchable(glob):
					continue
				case account == "":
					if w, err = hub.ParseWatch(glob); err != nil {
						return nil, fmt.Errorf("endpoint %q: %w", e.Name, err)
					}
				default:
					if me.Name == "" {
						if me, err = who(); err != nil {
							return nil, err
						}
					}
					w = hub.Watch{Type: hub.WatchTypeUser, Name: account}
					if slices.ContainsFunc(me.Orgs, func(o hub.Org) bool { return o.Name == account }) {
						w.Type = hub.WatchTypeOrg
					}
				}
				if !slices.Contains(watches, w) {
					watches = append(watches, w)
				}
			}
		}
	}
	return watches, nil
}

// byHand reports whether an endpoint gets only what comes to its own address.
func byHand(e webhooks.Endpoint) bool { return !fed(e) }

// announcement says where each endpoint is and what feeds it.
func (all endpoints) announcement(live *session.Live) (text []string) {
	if live.Webhook() != "" {
		text = append(text, fmt.Sprintf("webhook %s watches %s (%s)", live.Webhook(), present.List(live.Watches), present.List(live.Domains)))
	}
	for _, e := range all {
		feeds := "webhook " + live.Webhook() + " feeds it"
		if byHand(e) {
			feeds = "paste this URL into a webhook"
		}
		text = append(text, fmt.Sprintf("  - POST %s%s  %s", live.URL(), e.Path, feeds))
	}
	if slices.ContainsFunc(all, byHand) {
		text = append(text, "configure webhooks at "+live.Endpoint+"/settings/webhooks")
	}
	return text
}
