package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// fileRequest is a file to write: its content, or an older path to copy that
// from.
type fileRequest struct {
	Path     string `json:"path"`
	Content  string `json:"content"`
	Encoding string `json:"encoding"` // base64 or utf-8; utf-8 when empty
	OldPath  string `json:"oldPath"`
}

// add puts the file into a tree; an older path is one of another tree.
func (f fileRequest) add(old, files tree) error {
	if err := goodPath(f.Path); err != nil {
		return err
	}
	if f.OldPath != "" && f.Content == "" {
		if old[f.OldPath] == nil {
			return noEntry(f.OldPath)
		}
		files[f.Path] = old[f.OldPath]
		return nil
	}
	data := []byte(f.Content)
	switch f.Encoding {
	case "", "utf-8":
	case "base64":
		var err error
		if data, err = base64.StdEncoding.DecodeString(f.Content); err != nil {
			return refuse(http.StatusBadRequest, "", "The content of %+q is not valid base64", f.Path)
		}
	default:
		return refuse(http.StatusBadRequest, "", "The encoding of %+q must be utf-8 or base64", f.Path)
	}
	if len(data) > maxFile {
		return refuse(http.StatusBadRequest, "", "%+q is larger than %d bytes: such files need Git LFS", f.Path, maxFile)
	}
	files[f.Path] = newBlob(data)
	return nil
}

// goodPath checks the path of a new file.
func goodPath(path string) error {
	if !validPath(path) {
		return refuse(http.StatusBadRequest, "", "Invalid path %+q: it must lead to a file in the repo", path)
	}
	return nil
}

// noEntry is the refusal of a path that does not exist.
func noEntry(path string) error {
	return refuse(http.StatusNotFound, "EntryNotFound", "Entry not found: %+q", path)
}

// commitRequest is the body of a commit, a JSON object on each line: the
// header first, and then the operations.
type commitRequest struct {
	Summary      string `json:"summary"`
	Description  string `json:"description"`
	ParentCommit string `json:"parentCommit"`
	operations   []operation
}

type operation struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// readCommit reads the body of a commit.
func readCommit(c *repoCall) (q commitRequest, err error) {
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-ndjson" {
		return q, refuse(http.StatusUnsupportedMediaType, "", "Unsupported content type %+q: want application/x-ndjson", c.r.Header.Get("Content-Type"))
	}
	for line := range bytes.Lines(c.body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var op operation
		if err := json.Unmarshal(line, &op); err != nil {
			return q, refuse(http.StatusBadRequest, "", "Invalid line in the commit: %v", err)
		}
		q.operations = append(q.operations, op)
	}
	if len(q.operations) == 0 || q.operations[0].Key != "header" || json.Unmarshal(q.operations[0].Value, &q) != nil || strings.TrimSpace(q.Summary) == "" {
		return q, refuse(http.StatusBadRequest, "", "The first line of a commit must be its header, with a summary")
	}
	q.operations = q.operations[1:]
	return q, nil
}

// apply carries out the operations on a copy of some files.
func (q commitRequest) apply(before tree) (tree, error) {
	files := maps.Clone(before)
	for _, op := range q.operations {
		if err := op.apply(before, files); err != nil {
			return nil, err
		}
	}
	return files, files.valid()
}

func (op operation) apply(before, files tree) error {
	var f fileRequest
	if err := json.Unmarshal(op.Value, &f); err != nil {
		return refuse(http.StatusBadRequest, "", "Invalid %+q in the commit: %v", op.Key, err)
	}
	switch op.Key {
	case "file":
		return f.add(before, files)
	case "lfsFile":
		return notImplemented("Git LFS: %+q", f.Path)
	case "deletedFile", "deletedEntry":
		if files[f.Path] == nil {
			return noEntry(f.Path)
		}
		delete(files, f.Path)
	case "deletedFolder":
		folder := strings.TrimSuffix(f.Path, "/") + "/"
		count := len(files)
		maps.DeleteFunc(files, func(path string, _ *blob) bool { return strings.HasPrefix(path, folder) })
		if len(files) == count {
			return noEntry(f.Path)
		}
	default:
		return refuse(http.StatusBadRequest, "", "Unknown key %+q in the commit", op.Key)
	}
	return nil
}

// commitTarget finds the ref that a commit or its preparation goes to, and
// checks that the caller may. A pull request can be opened by everybody who
// sees the repo, and its ref written by its author.
func (c *repoCall) commitTarget() (ref string, pull bool, err error) {
	r, rev := c.repo, strings.Join(c.vars, "/")
	ref = r.branchRef(rev)
	switch create := c.r.URL.Query().Get("create_pr"); {
	case ref == "":
		return "", false, refuse(http.StatusNotFound, "RevisionNotFound", "Invalid rev id: %+q", rev)
	case create != "" && create != "0" && create != "false":
		return ref, true, c.mayTalk()
	}
	for _, d := range r.discussions {
		if d.IsPullRequest && pullRef(d.Num) == ref {
			if d.Status == hub.DiscussionMerged || d.deleted {
				return "", false, refuse(http.StatusBadRequest, "", "Pull request %d is merged or deleted", d.Num)
			}
			if d.by(c.token.user) {
				return ref, false, nil
			}
		}
	}
	if !r.owner.has(c.token.user) {
		return "", false, refuse(http.StatusForbidden, "", "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
	}
	return ref, false, c.token.mayNot(toCommit, r.owner)
}

// preupload answers POST …/preupload/REV: how the client should send each file. The Hub
// sends binary and large files by Git LFS or Xet; here only the size counts.
func preupload(a *hubChange, c *repoCall) (any, error) {
	ref, _, err := c.commitTarget()
	if err != nil {
		return nil, err
	}
	var body struct {
		Files []struct {
			Path string `json:"path"`
			Size int64  `json:"size"`
		} `json:"files"`
	}
	if err := jsonBody(c.r, &body); err != nil {
		return nil, err
	}
	at := c.repo.commits[c.repo.refs[ref]]
	files := []object{}
	for _, f := range body.Files {
		if err := goodPath(f.Path); err != nil {
			return nil, err
		}
		mode := "regular"
		if f.Size > maxFile {
			mode = "lfs"
		}
		file := object{{"path", f.Path}, {"uploadMode", mode}, {"shouldIgnore", false}}
		if b := at.files[f.Path]; b != nil {
			file = file.set("oid", b.oid)
		}
		files = append(files, file)
	}
	return object{{"files", files}, {"commitOid", at.sha}}, nil
}

// createCommit answers POST …/commit/REV: a commit on a branch, or with
// create_pr=1 on a new pull request.
func createCommit(a *hubChange, c *repoCall) (any, error) {
	ref, pull, err := c.commitTarget()
	if err != nil {
		return nil, err
	}
	q, err := readCommit(c)
	if err != nil {
		return nil, err
	}
	r := c.repo
	parent := r.commits[r.refs[ref]]
	switch {
	case q.ParentCommit != "" && r.commits[q.ParentCommit] == nil:
		return nil, refuse(http.StatusNotFound, "RevisionNotFound", "Invalid rev id: %+q", q.ParentCommit)
	case q.ParentCommit != "" && pull:
		parent = r.commits[q.ParentCommit]
	case q.ParentCommit != "" && q.ParentCommit != parent.sha:
		return nil, refuse(http.StatusPreconditionFailed, "", "A commit has happened since. Please refresh and try again.")
	}
	files, err := q.apply(parent.files)
	if err != nil {
		return nil, err
	}
	made, err := r.addCommit(a.h, commit{title: q.Summary, message: q.Description, author: c.token.user.name, parent: parent, files: files})
	if err != nil {
		return nil, err
	}
	answer := object{{"success", true}, {"commitOid", made.sha}, {"commitUrl", r.URL.Web + "/commit/" + made.sha}, {"hookOutput", ""}}
	if !pull {
		return answer, a.sendRefs(r, a.h.moveRef(r, ref, made))
	}
	d := a.h.newDiscussion(r, true, Post{Author: c.token.user.name, Title: q.Summary})
	d.Changes.Base = ref
	d.comments[0].Content = &q.Description
	a.h.moveRef(r, pullRef(d.Num), made)
	err = a.sendOpened(r, d)
	return answer.set("pullRequestUrl", d.URL.Web), err
}
