package cli

import (
	"context"
	"net/url"
	"os/exec"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// folderRepo gives the Hub repo that the working directory is a clone of, by
// its git remote "origin". Credentials in the remote's address go no further
// than here.
func folderRepo(ctx context.Context, getenv func(string) string) (hub.Watch, bool) {
	out, err := exec.CommandContext(ctx, "git", "config", "--get", "remote.origin.url").Output()
	if err != nil {
		return hub.Watch{}, false // no git, no repository or no such remote
	}
	hosts := []string{"huggingface.co", "www.huggingface.co", "hf.co"}
	if env, err := hub.FromEnv(getenv); err == nil {
		if u, err := url.Parse(env.Endpoint); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return remoteRepo(strings.TrimSpace(string(out)), hosts)
}

// remoteRepo reads the address of a git remote on one of hosts.
func remoteRepo(remote string, hosts []string) (hub.Watch, bool) {
	host, path := "", ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		host, path = u.Host, u.Path
		if u.Scheme == "ssh" {
			host = u.Hostname()
		}
	} else if userHost, p, ok := strings.Cut(remote, ":"); ok { // git@hf.co:owner/name
		host, path = userHost[strings.LastIndexByte(userHost, '@')+1:], p
	}
	known := false
	for _, h := range hosts {
		known = known || strings.EqualFold(h, host)
	}
	if !known {
		return hub.Watch{}, false
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	typ := "model"
	for _, t := range []string{"dataset", "space", "bucket", "kernel", "model"} {
		if rest, ok := strings.CutPrefix(path, t+"s/"); ok {
			typ, path = t, rest
		}
	}
	w, err := hub.ParseWatch(typ + ":" + path)
	return w, err == nil
}
