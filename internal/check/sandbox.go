package check

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// Sandbox is a World of a stand-in Hub on this machine. The handler has to work with
// it: see Env.
type Sandbox struct {
	hub      *sandbox.Hub
	endpoint string
	user     string // the name of the account of the handler
	token    string
	account  string

	mu          sync.Mutex
	writes      []string
	lastCall    time.Time
	missing     map[hub.Repo]bool // repos that the handler asked for
	discussions map[string]int    // numbers, by repo and whether it is a pull request
	refs        int               // made so far
}

// otherUser is the user who causes the events of the payloads.
const otherUser = "somebody-else"

// How long a handler that works has to make no call to be taken for done, and how long
// it is waited for.
const (
	quietTime = time.Second
	mostTime  = 20 * time.Second
)

// StartSandbox starts a stand-in Hub in which the handler has the account that repo
// belongs to. Close ends it.
func StartSandbox(ctx context.Context, version string, repo hub.Repo) (*Sandbox, error) {
	s := &Sandbox{user: event.OwnerOf(repo.Name), missing: map[hub.Repo]bool{}, discussions: map[string]int{}}
	s.hub = sandbox.New(sandbox.Config{RateLimit: -1, MaxTriggers: -1, Retries: []time.Duration{}, Log: s.log})
	if err := s.start(ctx, version); err != nil {
		s.hub.Close()
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context, version string) (err error) {
	for _, user := range []string{s.user, otherUser} {
		if err := s.hub.AddUser(user); err != nil {
			return err
		}
	}
	if s.token, err = s.hub.AddToken(s.user, sandbox.Token{}); err != nil {
		return err
	}
	if s.endpoint, err = s.hub.Start("127.0.0.1:0"); err != nil {
		return err
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: s.endpoint, Token: s.token, Version: version, Transport: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		return err
	}
	defer client.Close()
	who, err := client.WhoAmI(ctx)
	s.account = who.ID
	return err
}

// Close ends the stand-in Hub.
func (s *Sandbox) Close() { s.hub.Close() }

// Env returns the environment variables that make the handler use the stand-in Hub.
func (s *Sandbox) Env() []string {
	return []string{"HF_ENDPOINT=" + s.endpoint, "HF_TOKEN=" + s.token, "HUGGING_FACE_HUB_TOKEN=", "HF_HUB_OFFLINE="}
}

// Token is the token of the handler's account.
func (s *Sandbox) Token() string { return s.token }

// User is the name of the handler's account.
func (s *Sandbox) User() string { return s.user }

// Account is the id of the handler's account.
func (s *Sandbox) Account() string { return s.account }

// log records the calls that write.
func (s *Sandbox) log(e sandbox.Entry) {
	if e.Type != sandbox.EntryCall {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastCall = time.Now()
	if e.Status == http.StatusNotFound {
		if repo, ok := repoOf(e.Path); ok {
			s.missing[repo] = true
		}
	}
	if e.Status < 400 && !reads(e.Method, e.Path) { // what failed is tried again by a good handler
		s.writes = append(s.writes, e.Method+" "+e.Path)
	}
}

// apiPath is the path of a call about a repo.
var apiPath = regexp.MustCompile(`^/api/(model|dataset|space)s/([\w.-]+/[\w.-]+)`)

func repoOf(path string) (hub.Repo, bool) {
	m := apiPath.FindStringSubmatch(path)
	if m == nil {
		return hub.Repo{}, false
	}
	return hub.Repo{Type: hub.RepoType(m[1]), Name: m[2]}, true
}

// addMissing makes the repos that the handler asked for, for example one that it
// reports to.
func (s *Sandbox) addMissing() {
	s.mu.Lock()
	repos := slices.Collect(maps.Keys(s.missing))
	clear(s.missing)
	s.mu.Unlock()
	for _, repo := range repos {
		_ = s.hub.AddRepo(repo, false) // a name that no repo can have stays missing
	}
}

// readingPosts are parts of the paths of calls by POST that change nothing.
var readingPosts = []string{"/paths-info/", "/preupload/", "/api/validate-yaml", "/git-upload-pack", "/info/lfs/"}

func reads(method, path string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return slices.ContainsFunc(readingPosts, func(part string) bool { return strings.Contains(path, part) })
}

// Writes returns the calls of the handler that changed something, "POST /api/…". With
// wait it does when the handler has made no call for a moment.
func (s *Sandbox) Writes(ctx context.Context, wait bool) []string {
	began := time.Now()
	for wait {
		s.mu.Lock()
		last := s.lastCall
		s.mu.Unlock()
		if last.Before(began) {
			last = began
		}
		rest := time.Until(last.Add(quietTime))
		if rest <= 0 || time.Since(began) > mostTime || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// Renew deletes a repo and makes it again.
func (s *Sandbox) Renew(repo hub.Repo) error {
	if err := s.hub.AddRepo(repo, false); err != nil {
		return err
	}
	for _, pull := range []bool{false, true} {
		delete(s.discussions, discussionKey(repo, pull))
	}
	if err := s.hub.DeleteRepo(repo); err != nil {
		return err
	}
	return s.hub.AddRepo(repo, false)
}

func discussionKey(repo hub.Repo, pull bool) string { return fmt.Sprint(repo, pull) }

// Adapt creates the repo, commit or discussion of a payload in the stand-in Hub, and
// puts its sha and numbers into the payload.
func (s *Sandbox) Adapt(p *hub.Payload) error {
	s.addMissing()
	repo := p.Repo.Repo()
	if err := s.hub.AddRepo(repo, false); err != nil {
		return err
	}
	p.Repo.URL = repo.URLs(s.endpoint)
	for i := range p.UpdatedRefs {
		if err := s.move(repo, &p.UpdatedRefs[i]); err != nil {
			return err
		}
	}
	if repo.Type != "bucket" && p.Repo.HeadSHA != "" {
		head, err := s.hub.HeadSHA(repo)
		if err != nil {
			return err
		}
		p.Repo.HeadSHA = head
	}
	if p.Discussion == nil {
		return nil
	}
	return s.discuss(repo, p)
}

// move makes the change of a ref.
func (s *Sandbox) move(repo hub.Repo, u *hub.RefUpdate) (err error) {
	if u.NewSHA == nil {
		return nil // what is deleted is not there
	}
	s.refs++
	head, err := s.hub.HeadSHA(repo)
	if err != nil {
		return err
	}
	sha := head
	switch {
	case u.Ref == "refs/heads/main":
		u.OldSHA = &head
		sha, err = s.hub.PushCommit(repo, "")
	case strings.HasPrefix(u.Ref, "refs/heads/"):
		u.Ref = fmt.Sprintf("refs/heads/experiment-%d", s.refs)
		err = s.hub.CreateBranch(repo, strings.TrimPrefix(u.Ref, "refs/heads/"))
	case strings.HasPrefix(u.Ref, "refs/tags/"):
		u.Ref = fmt.Sprintf("refs/tags/v1.%d", s.refs)
		err = s.hub.PushTag(repo, strings.TrimPrefix(u.Ref, "refs/tags/"))
	case strings.HasPrefix(u.Ref, "refs/pr/"):
		var num int
		if num, err = s.hub.OpenPullRequest(repo, sandbox.Post{Author: otherUser, Title: "Change", Text: "A change"}); err == nil {
			u.Ref = fmt.Sprintf("refs/pr/%d", num)
			sha, err = s.hub.PushCommit(repo, u.Ref)
		}
	}
	u.NewSHA = &sha
	return err
}

// discuss makes the discussion of a payload.
func (s *Sandbox) discuss(repo hub.Repo, p *hub.Payload) (err error) {
	key := discussionKey(repo, p.Discussion.IsPullRequest)
	num, ok := s.discussions[key]
	if !ok {
		post := sandbox.Post{Author: otherUser, Title: p.Discussion.Title, Text: "Hello"}
		open := s.hub.OpenDiscussion
		if p.Discussion.IsPullRequest {
			open = s.hub.OpenPullRequest
		}
		if num, err = open(repo, post); err != nil {
			return err
		}
		s.discussions[key] = num
	}
	p.Discussion.Num, p.Discussion.URL = num, hub.DiscussionURLs(p.Repo.URL, num)
	if p.Comment != nil {
		p.Comment.URL.Web = hub.CommentURL(p.Discussion.URL, p.Comment.ID)
	}
	return nil
}
