package cli

import (
	"slices"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
)

// hub is the client for the account that the flags mean, nil if there is no token or the
// Hub cannot be called.
func (c completion) hub() *hub.Client {
	var f accountFlags
	f.token, _ = c.cmd.Flags().GetString("token") // a command without the flag has the default
	f.ca, _ = c.cmd.Flags().GetString("ca")
	if f.token == "-" {
		return nil
	}
	account, err := c.p.account(f)
	if err != nil {
		return nil
	}
	return account.client
}

// completeWebhooks completes the id of one of the account's webhooks.
func completeWebhooks(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	client := c.hub()
	if client == nil {
		return nil, inOrder
	}
	defer client.Close()
	all, err := client.ListWebhooks(c.ctx)
	if err != nil {
		return nil, inOrder
	}
	var words []string
	for _, w := range all {
		if slices.Contains(c.args, w.ID) {
			continue
		}
		to := event.MaskURL(w.URL)
		if to == "" {
			to = "a Job"
		}
		words = append(words, w.ID+"\t"+present.List(w.Watched)+" → "+to)
	}
	return words, inOrder
}

// completeWatches completes a repo or an account: those of the token's user, where the
// Hub answers in time, and those of recent events.
func completeWatches(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []string
	add := func(watch, about string) {
		same := func(word string) bool { return word == watch || strings.HasPrefix(word, watch+"\t") }
		if _, err := hub.ParseWatch(watch); err == nil && !slices.Contains(c.args, watch) && !slices.ContainsFunc(words, same) {
			words = append(words, watch+"\t"+about)
		}
	}
	if repo, why := folderRepo(c.ctx, c.p.Getenv); why == "" {
		add(repo.String(), "the repo of this folder")
	}
	for _, w := range c.ownWatches() {
		add(w.String(), "yours")
	}
	for _, row := range c.recent() {
		add(row.Repo, "seen before")
	}
	if slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, c.typed) }) || strings.Contains(c.typed, ":") {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	var types []string
	for _, typ := range hub.WatchTypes() {
		types = append(types, string(typ)+":")
	}
	return types, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeRepos completes a repo.
func completeRepos(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	words, directive := completeWatches(c)
	return slices.DeleteFunc(words, func(word string) bool { return strings.HasPrefix(word, "user:") || strings.HasPrefix(word, "org:") }), directive
}

// ownWatches are the token's user, its organizations, and its repos of the types that the
// typed word can mean.
func (c completion) ownWatches() []hub.Watch {
	client := c.hub()
	if client == nil {
		return nil
	}
	defer client.Close()
	who, err := client.WhoAmI(c.ctx)
	if err != nil {
		return nil
	}
	types := []hub.RepoType{hub.RepoTypeModel, hub.RepoTypeDataset, hub.RepoTypeSpace}
	repos := make([][]hub.Repo, len(types))
	var calls sync.WaitGroup
	for i, typ := range types {
		if prefix := string(typ) + ":"; strings.HasPrefix(c.typed, prefix) || strings.HasPrefix(prefix, c.typed) {
			calls.Go(func() { repos[i], _ = client.ListRepos(c.ctx, typ, who.Name) }) // one that fails is left out
		}
	}
	calls.Wait()
	watches := []hub.Watch{{Type: "user", Name: who.Name}}
	for _, org := range who.Orgs {
		watches = append(watches, hub.Watch{Type: "org", Name: org.Name})
	}
	for _, some := range repos {
		for _, repo := range some {
			watches = append(watches, repo.Watch())
		}
	}
	return watches
}
