package sandbox

import (
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// UploadFiles puts files of these paths into a bucket, and DeleteFiles takes them out;
// each sends one repo.content.update. Above 10,000 files the payload lists the first
// 10,000 and is marked as truncated.
func (h *Hub) UploadFiles(bucket hub.Repo, paths ...string) error {
	return h.changeFiles(bucket, paths, func(r *repo, path string) (hub.FileUpdate, error) {
		f := h.parts.File(path)
		r.files[path] = f
		return f, nil
	})
}

// DeleteFiles takes files out of a bucket. One that is not there is an error,
// and nothing is deleted.
func (h *Hub) DeleteFiles(bucket hub.Repo, paths ...string) error {
	return h.changeFiles(bucket, paths, func(r *repo, path string) (hub.FileUpdate, error) {
		if _, ok := r.files[path]; !ok {
			return hub.FileUpdate{}, fmt.Errorf("deleting from %q: no file %q", bucket, path)
		}
		return event.RemovedFile(path), nil
	})
}

func (h *Hub) changeFiles(bucket hub.Repo, paths []string, change func(*repo, string) (hub.FileUpdate, error)) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(bucket)
		if err != nil {
			return err
		}
		if r.Type != "bucket" || len(paths) == 0 {
			return fmt.Errorf("changing files of %q: want a bucket and at least one path", bucket)
		}
		files := make([]hub.FileUpdate, 0, len(paths))
		for _, path := range paths {
			f, err := change(r, path)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		return a.sendFiles(r, files)
	})
}

func (a *hubChange) sendFiles(r *repo, files []hub.FileUpdate) error {
	for _, f := range files {
		if f.Action == hub.FileDelete {
			delete(r.files, f.Path)
		}
	}
	return a.send("repo.content.update", r, func(p *hub.Payload) {
		p.UpdatedFiles = files[:min(len(files), event.MaxUpdatedFiles)]
		p.UpdatedFilesTruncated = len(files) > event.MaxUpdatedFiles
	})
}
