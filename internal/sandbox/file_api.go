package sandbox

import (
	"iter"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// splitRevision splits the rest of a path after "tree", "resolve" or "raw" into a
// revision and a path. Refs have three parts, whether their slashes are escaped, as
// Python does it, or not, as JavaScript.
func splitRevision(parts []string) (rev, path string) {
	n := 1
	if parts[0] == "refs" && len(parts) >= 3 {
		n = 3
	}
	return strings.Join(parts[:n], "/"), strings.Join(parts[n:], "/")
}

// resolveFile answers GET …/resolve/REV/PATH and …/raw/REV/PATH, which differ
// for files of Git LFS only.
func resolveFile(a *hubChange, c *repoCall) (any, error) {
	if c.repo.Type == "bucket" {
		return nil, bucketFile(c)
	}
	rev, path := splitRevision(c.vars)
	at, err := c.repo.revision(rev)
	if err != nil {
		return nil, err
	}
	c.header.Set("X-Repo-Commit", at.sha)
	b := at.files[path]
	if b == nil {
		return nil, noEntry(path)
	}
	contentType := "application/octet-stream"
	if utf8.Valid(b.data) {
		contentType = "text/plain; charset=utf-8" // whatever it is, a browser must not run it
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	c.header.Set("Content-Type", contentType)
	c.header.Set("ETag", `"`+b.oid+`"`)
	c.header.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	c.header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	c.header.Set("X-Content-Type-Options", "nosniff")
	return &fileAnswer{name: name, data: b.data, changed: at.lastChange(path).date}, nil
}

// listTree answers GET …/tree/REV/PATH: the files and folders in a folder, and
// with recursive=true below it.
func listTree(a *hubChange, c *repoCall) (any, error) {
	rev, folder := splitRevision(c.vars)
	folder = strings.Trim(folder, "/")
	at, err := c.repo.revision(rev)
	if err != nil {
		return nil, err
	}
	query := c.r.URL.Query()
	list := []object{}
	shown := at.lister(isTrue(query.Get("expand")))
	for _, path := range shown.below(folder, isTrue(query.Get("recursive"))) {
		list = append(list, shown.entry(path))
	}
	if len(list) == 0 && folder != "" {
		return nil, refuse(http.StatusNotFound, "EntryNotFound", "%+q does not exist on %+q", folder, rev)
	}
	return list, nil
}

// lister shows the files and folders of a commit.
type lister struct {
	files   tree
	folders map[string]string  // what identifies the files in each
	last    map[string]*commit // that changed each, nil if it is not to be shown
}

func (c *commit) lister(expand bool) lister {
	l := lister{files: c.files, folders: c.files.folders()}
	if expand {
		l.last = c.lastChanges()
	}
	return l
}

// below lists the files and folders in a folder, "" for the root, or all below
// it, in order.
func (l lister) below(folder string, recursive bool) []string {
	var found []string
	inside := func(path string) bool {
		rest, ok := strings.CutPrefix(path, folder+"/")
		if folder == "" {
			rest, ok = path, true
		}
		return ok && (recursive || !strings.Contains(rest, "/"))
	}
	for _, paths := range []iter.Seq[string]{maps.Keys(l.files), maps.Keys(l.folders)} {
		for path := range paths {
			if inside(path) {
				found = append(found, path)
			}
		}
	}
	slices.Sort(found)
	return found
}

// entry is what the API shows of a file or folder.
func (l lister) entry(path string) object {
	entry := object{{"type", "directory"}, {"oid", l.folders[path]}, {"size", 0}, {"path", path}}
	if b := l.files[path]; b != nil {
		entry = object{{"type", "file"}, {"oid", b.oid}, {"size", len(b.data)}, {"path", path}}
	}
	if last := l.last[path]; last != nil {
		entry = entry.set("lastCommit", object{{"id", last.sha}, {"title", last.title}, {"date", isoTime(last.date)}})
	}
	return entry
}

// pathsInfo answers POST …/paths-info/REV: those of the paths that exist.
func pathsInfo(a *hubChange, c *repoCall) (any, error) {
	at, err := c.repo.revision(strings.Join(c.vars, "/"))
	if err != nil {
		return nil, err
	}
	paths, expand, err := readPaths(c)
	if err != nil {
		return nil, err
	}
	list := []object{}
	shown := at.lister(expand)
	for _, path := range paths {
		path = strings.Trim(path, "/")
		if shown.files[path] != nil || shown.folders[path] != "" {
			list = append(list, shown.entry(path))
		}
	}
	return list, nil
}

// maxPaths is the most paths that one call may ask about.
const maxPaths = 1000

// readPaths reads the body of paths-info, JSON as JavaScript sends it or a
// form as Python does.
func readPaths(c *repoCall) (paths []string, expand bool, err error) {
	if mediaType, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); mediaType == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return nil, false, refuse(http.StatusBadRequest, "", "Invalid form: %v", err)
		}
		paths, expand = form["paths"], isTrue(form.Get("expand"))
	} else {
		var body struct {
			Paths  []string `json:"paths"`
			Expand bool     `json:"expand"`
		}
		if err := jsonBody(c.r, &body); err != nil {
			return nil, false, err
		}
		paths, expand = body.Paths, body.Expand
	}
	if len(paths) > maxPaths {
		return nil, false, refuse(http.StatusBadRequest, "", "Invalid \"paths\": want at most %d", maxPaths)
	}
	return paths, expand, nil
}
