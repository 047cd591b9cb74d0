package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// folderRepo returns the Hub repo that the working directory is a clone of: the
// one that git fetches from, by its remote "origin". Further URLs of that remote
// are pushed to, and git itself resolves url.….insteadOf. Without a repo, why says
// what there is instead. Credentials in the remote's address go no further than
// here.
func folderRepo(ctx context.Context, getenv func(string) string) (repo hub.Repo, why string) {
	git := exec.CommandContext(ctx, "git", "remote", "get-url", "origin")
	git.Env = append(os.Environ(), "LC_ALL=C")
	out, err := git.Output()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return hub.Repo{}, "git is not installed: the repo of this folder is unknown"
	case errors.As(err, &failed):
		return hub.Repo{}, whyNoRemote(string(failed.Stderr))
	case err != nil:
		return hub.Repo{}, fmt.Sprintf("git failed to show the repo of this folder (%v)", err)
	}
	hosts := []string{"huggingface.co", "www.huggingface.co", "hf.co"}
	if env, err := hub.FromEnv(getenv); err == nil {
		if u, err := url.Parse(env.Endpoint); err == nil && u.Host != "" && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	remote := strings.TrimSpace(string(out))
	repo, ok := remoteRepo(remote, hosts)
	if !ok {
		why = fmt.Sprintf("this folder's git remote origin is %q, which is not a repo on the Hub", withoutUser(remote))
	}
	return repo, why
}

// whyNoRemote explains what git said when it had no URL for "origin".
func whyNoRemote(said string) string {
	switch {
	case strings.Contains(said, "not a git repository"):
		return "this folder is not a git repository"
	case strings.Contains(said, "No such remote"):
		return `this folder's git repository has no remote "origin"`
	}
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	return fmt.Sprintf("git does not show the repo of this folder (%s)", strings.TrimPrefix(first, "fatal: "))
}

// withoutUser returns a remote's address without its user, password and query.
func withoutUser(remote string) string {
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	return remote[strings.LastIndexByte(remote, '@')+1:]
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
