package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// createBucket answers POST /api/buckets/NAME.
func createBucket(a *hubChange, c *repoCall) (any, error) {
	var body repoRequest
	if c.token == nil {
		return nil, errNoToken
	}
	if err := optionalBody(c, &body); err != nil {
		return nil, err
	}
	r, err := a.createRepo(c.token, hub.Repo{Type: "bucket", Name: c.name}, body)
	if err != nil {
		return nil, err
	}
	return object{{"url", r.URL.Web}, {"name", r.Name}, {"id", r.ID}}, nil
}

// deleteBucket answers DELETE /api/buckets/NAME.
func deleteBucket(a *hubChange, c *repoCall) (any, error) { return nil, a.deleteRepo(c.repo) }

// bucketInfo answers GET /api/buckets/NAME.
func bucketInfo(a *hubChange, c *repoCall) (any, error) {
	r := c.repo
	size := int64(0)
	for _, f := range r.files {
		size += sizeOf(f)
	}
	return object{
		{"_id", r.ID}, {"id", r.Name}, {"author", r.owner.name}, {"private", r.Private}, {"createdAt", isoTime(r.createdAt)},
		{"tags", orEmpty(r.Tags)}, {"size", size}, {"totalFiles", len(r.files)},
	}, nil
}

func sizeOf(f hub.FileUpdate) int64 {
	if f.Size == nil {
		return 0
	}
	return *f.Size
}

var xetHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// changeBucket answers POST /api/buckets/NAME/batch: a JSON object on each line
// that adds or deletes a file. What can be done is done, as one event; the
// answer lists the rest. Contents are in Xet storage, which the sandbox does
// not have: a file is what its hash says.
func changeBucket(a *hubChange, c *repoCall) (any, error) {
	type line struct {
		Type    string `json:"type"`
		Path    string `json:"path"`
		XetHash string `json:"xetHash"`
		Size    *int64 `json:"size"`
	}
	var updates []hub.FileUpdate
	failed := []object{}
	processed := 0
	for text := range bytes.Lines(c.body) {
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var one line
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, refuse(http.StatusBadRequest, "", "Invalid line in the batch: %v", err)
		}
		processed++
		_, exists := c.repo.files[one.Path]
		why := ""
		switch {
		case one.Type == "copyFile":
			return nil, notImplemented("copying files into buckets")
		case one.Type != "addFile" && one.Type != "deleteFile":
			return nil, refuse(http.StatusBadRequest, "", "Unknown type %+q in the batch", one.Type)
		case !validPath(one.Path):
			why = "Invalid path"
		case one.Type == "deleteFile" && !exists:
			why = "File not found"
		case one.Type == "deleteFile":
			updates = append(updates, event.RemovedFile(one.Path))
		case !xetHash.MatchString(one.XetHash):
			why = "Invalid xetHash"
		default:
			updates = append(updates, hub.FileUpdate{Path: one.Path, Action: hub.FileAdd, XetHash: one.XetHash, Size: one.Size})
		}
		if why != "" {
			failed = append(failed, object{{"path", one.Path}, {"error", why}})
		}
	}
	answer := object{{"success", len(failed) == 0}, {"processed", processed}, {"succeeded", len(updates)}, {"failed", failed}}
	if len(updates) == 0 {
		return answer, nil
	}
	for _, f := range updates {
		if f.Action == hub.FileAdd {
			c.repo.files[f.Path] = f
		}
	}
	return answer, a.sendFiles(c.repo, updates)
}

// listBucket answers GET /api/buckets/NAME/tree and …/tree/FOLDER.
func listBucket(a *hubChange, c *repoCall) (any, error) {
	names := tree{}
	for path := range c.repo.files {
		names[path] = &blob{}
	}
	l := lister{files: names, folders: names.folders()}
	list := []object{}
	for _, path := range l.below(strings.Trim(strings.Join(c.vars, "/"), "/"), isTrue(c.r.URL.Query().Get("recursive"))) {
		list = append(list, c.repo.bucketEntry(path))
	}
	return list, nil
}

// bucketEntry is what the API shows of a file or folder of a bucket.
func (r *repo) bucketEntry(path string) object {
	f, isFile := r.files[path]
	if !isFile {
		return object{{"type", "directory"}, {"path", path}}
	}
	return object{{"type", "file"}, {"path", path}, {"size", sizeOf(f)}, {"xetHash", f.XetHash}}
}

// bucketPathsInfo answers POST /api/buckets/NAME/paths-info.
func bucketPathsInfo(a *hubChange, c *repoCall) (any, error) {
	paths, _, err := readPaths(c)
	if err != nil {
		return nil, err
	}
	list := []object{}
	for _, path := range paths {
		if _, exists := c.repo.files[path]; exists {
			list = append(list, c.repo.bucketEntry(path))
		}
	}
	return list, nil
}

// bucketFile is the refusal of a file's content.
func bucketFile(c *repoCall) error {
	path := strings.Join(c.vars, "/")
	if _, exists := c.repo.files[path]; !exists {
		return noEntry(path)
	}
	return notImplemented("Xet storage, where the files of buckets are")
}
