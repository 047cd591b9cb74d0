package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
)

// differences lists the settings of a webhook that differ from what an update asked
// for, because the Hub or another client changed them. It compares also settings that
// no flag named, but not the time of the last delivery.
func (u *webhookUpdate) differences(old hub.Webhook, spec hub.WebhookSpec, now hub.Webhook) (diffs []string) {
	add := func(same, asked bool, name, is, should string) {
		why := "before it was"
		if asked {
			why = "asked for was"
		}
		if !same {
			diffs = append(diffs, fmt.Sprintf("%s: %s, %s %s", name, is, why, should))
		}
	}
	add(sameWatches(now.Watched, spec.Watched), len(u.asked.Watched) > 0, "watches", present.List(now.Watched), present.List(spec.Watched))
	add(sameDomains(now.Domains, spec.Domains), len(u.asked.Domains) > 0, "domains", present.List(now.Domains), present.List(spec.Domains))
	target := hub.Webhook{URL: spec.URL, Job: spec.Job, JobSourceID: spec.JobSourceID}
	is, should := aimWords(now), aimWords(target)
	if event.MaskURL(now.URL) == event.MaskURL(spec.URL) && is == should {
		is = "one with another masked part" // as the secret in a query
		if hasJob(now) {
			is = "one with another command or environment"
		}
	}
	add(sameTarget(now, spec), aimed(u.asked), "target", is, should)
	hasSecret := spec.Secret != ""
	add(now.HasSecret == hasSecret, u.flags.secretGiven(), "secret", secretWords(now.HasSecret), secretWords(hasSecret))
	add(now.State == old.State, false, "state", stateWords(now.State), stateWords(old.State))
	return diffs
}

// sameWatches compares without order, and without the case of names, which the
// Hub puts right.
func sameWatches(a, b []hub.Watch) bool {
	has := func(list []hub.Watch, w hub.Watch) bool {
		return slices.ContainsFunc(list, func(o hub.Watch) bool { return o.Type == w.Type && strings.EqualFold(o.Name, w.Name) })
	}
	return !slices.ContainsFunc(a, func(w hub.Watch) bool { return !has(b, w) }) &&
		!slices.ContainsFunc(b, func(w hub.Watch) bool { return !has(a, w) })
}

// sameDomains compares without order.
func sameDomains(a, b []hub.Domain) bool {
	return !slices.ContainsFunc(a, func(d hub.Domain) bool { return !slices.Contains(b, d) }) &&
		!slices.ContainsFunc(b, func(d hub.Domain) bool { return !slices.Contains(a, d) })
}

// sameTarget reports whether a webhook calls or starts what was sent. The Hub may
// return a Job without the id of the one that it is a copy of.
func sameTarget(now hub.Webhook, spec hub.WebhookSpec) bool {
	switch {
	case len(spec.Job) > 0:
		return hasJob(now) && now.URL == "" && sameJob(now, spec.Job)
	case spec.JobSourceID == "":
		return now.URL == spec.URL && !hasJob(now)
	}
	return hasJob(now) && now.URL == "" && (now.JobSourceID == "" || now.JobSourceID == spec.JobSourceID)
}
