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
func folderRepo(ctx context.Context, getenv func(string) string) (hub.Repo, bool) {
	out, err := exec.CommandContext(ctx, "git", "config", "--get", "remote.origin.url").Output()
	if err != nil {
		return hub.Repo{}, false // no git, no repository or no such remote
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
func remoteRepo(remote string, hosts []string) (hub.Repo, bool) {
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
		return hub.Repo{}, false
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	typ := hub.RepoTypeModel
	for _, t := range []hub.RepoType{"dataset", "space", "bucket", "kernel", "model"} {
		if rest, ok := strings.CutPrefix(path, string(t)+"s/"); ok {
			typ, path = t, rest
		}
	}
	repo, err := hub.ParseRepo(string(typ) + ":" + path)
	return repo, err == nil
}
