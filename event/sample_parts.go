package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Sampler makes parts of payloads. They depend only on the seed and the arguments:
// two samples of the same repo have the same id of the repo.
type Sampler struct {
	Seed     uint64
	Endpoint string // base of all URLs; hub.DefaultEndpoint when empty
}

// sum hashes the seed and labels. Each label is closed with a zero byte, which
// no name contains, so that "a","bc" and "ab","c" differ.
func (s Sampler) sum(labels []string) [sha256.Size]byte {
	h := sha256.New()
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], s.Seed)
	h.Write(seed[:])
	for _, label := range labels {
		h.Write([]byte(label))
		h.Write([]byte{0})
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// ID makes an id of 24 hex digits from labels. As in the Hub's own ids, the first
// eight digits are a time in seconds, here of 2023 or 2024.
func (s Sampler) ID(labels ...string) string {
	sum := s.sum(append([]string{"id"}, labels...))
	made := 0x64000000 + binary.BigEndian.Uint32(sum[:4])%0x03000000
	binary.BigEndian.PutUint32(sum[:4], made)
	return hex.EncodeToString(sum[:12])
}

// SHA makes the sha of a commit, 40 hex digits, from labels.
func (s Sampler) SHA(labels ...string) string {
	sum := s.sum(append([]string{"sha"}, labels...))
	return hex.EncodeToString(sum[:20])
}

// pick chooses one of n for what the labels name.
func (s Sampler) pick(n int, labels ...string) int {
	sum := s.sum(append([]string{"pick"}, labels...))
	return int(binary.BigEndian.Uint32(sum[:4]) % uint32(n))
}

// Account makes the user or organization of a name.
func (s Sampler) Account(name string) hub.Account {
	return hub.Account{ID: s.ID("account", strings.ToLower(name))}
}

// Repo makes a public repo with one commit. Old canonical repos, whose names have
// no slash, belong to the account "huggingface".
func (s Sampler) Repo(w hub.Repo) hub.PayloadRepo {
	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = hub.DefaultEndpoint
	}
	r := hub.PayloadRepo{
		Type: w.Type, Name: w.Name,
		ID:    s.ID("repo", string(w.Type), w.Name),
		URL:   w.URLs(strings.TrimSuffix(endpoint, "/")),
		Owner: s.Account(OwnerOf(w.Name)),
	}
	if w.Type == "space" {
		r.Subdomain = subdomain(w.Name)
	}
	if w.Type != "bucket" {
		r.HeadSHA = s.SHA("commit", r.ID, "1")
	}
	return r
}

// OwnerOf returns the account that a repo belongs to: "me" of "me/m", and
// "huggingface" of a name without a slash.
func OwnerOf(repoName string) string {
	if owner, _, owned := strings.Cut(repoName, "/"); owned {
		return owner
	}
	return "huggingface"
}

// subdomain is the host label that a Space is served under.
func subdomain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
}

// Discussion makes the open discussion or pull request num of a repo. Its title
// and author depend on the number.
func (s Sampler) Discussion(r hub.PayloadRepo, num int, pullRequest bool) hub.Discussion {
	n := strconv.Itoa(num)
	d := hub.Discussion{
		ID: s.ID("discussion", r.ID, n), Num: num, Status: hub.DiscussionOpen,
		Author:        s.Account(s.word(people, "author", r.ID, n)),
		URL:           hub.DiscussionURLs(r.URL, num),
		IsPullRequest: pullRequest,
	}
	if pullRequest {
		d.Title = s.word(pullTitles, "title", r.ID, n)
		d.Changes = &hub.Changes{Base: "refs/heads/main"}
	} else {
		d.Title = s.word(discussionTitles, "title", r.ID, n)
	}
	return d
}

// Comment makes the nth comment in a discussion. Number 0 is the opening one, by
// the author of the discussion.
func (s Sampler) Comment(d hub.Discussion, n int) hub.Comment {
	id := s.ID("comment", d.ID, strconv.Itoa(n))
	c := hub.Comment{ID: id, Author: d.Author, URL: hub.URLs{Web: hub.CommentURL(d.URL, id)}}
	texts := replies
	switch {
	case n > 0:
		c.Author = s.Account(s.word(people, "author", id))
	case d.IsPullRequest:
		texts = pullTexts
	default:
		texts = questions
	}
	text := s.word(texts, "text", id)
	c.Content = &text
	return c
}

// File makes the update of a file that was added to a bucket.
func (s Sampler) File(path string) hub.FileUpdate {
	size := int64(20 + s.pick(1<<26, "size", path))
	sum := s.sum([]string{"xet", path})
	return hub.FileUpdate{Path: path, Action: hub.FileAdd, XetHash: hex.EncodeToString(sum[:]), Size: &size}
}

// RemovedFile returns the update of a file that was deleted from a bucket, which
// has no hash and no size.
func RemovedFile(path string) hub.FileUpdate {
	return hub.FileUpdate{Path: path, Action: hub.FileDelete}
}

func (s Sampler) word(words []string, labels ...string) string {
	return words[s.pick(len(words), labels...)]
}
