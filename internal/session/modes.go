package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Loose is a file or folder of the state folder that other users of the machine may
// read or change.
type Loose struct {
	Name string      // within the state folder, with slashes; "." for the folder itself
	Mode fs.FileMode // as it was found
	Err  error       // why it cannot be tightened; nil if it can
}

// String is the name and the mode.
func (l Loose) String() string {
	name := l.Name
	if name == "." {
		name = "the state folder"
	}
	s := fmt.Sprintf("%s (%04o)", name, l.Mode.Perm())
	if l.Err != nil {
		s += ", " + l.Err.Error()
	}
	return s
}

var (
	errShared = errors.New("which holds files of others, too")
	errLinked = errors.New("which is a symbolic link")
)

// ownFiles are the files and folders of the state beside the history, whose mode
// is the history's own concern.
var ownFiles = []string{"secret", "gradio-name", "gradio-name.lock", "known_hosts", "id_ed25519", "hf-tap.log", "leases", "payloads", trustFolder}

// ours reports whether a name in the state folder is one that hf-tap gives.
func ours(name string) bool {
	return slices.Contains(ownFiles, name) || strings.HasPrefix(name, "history.db") ||
		strings.HasPrefix(name, ".secret.") || strings.HasPrefix(name, ".gradio-name.") // writeTemp's
}

// Loose returns what others may read or change: the folder itself, the files in
// it that are hf-tap's, and the leases. On Windows there is nothing to look at:
// the folder inherits the rights of the user's own.
func (d Dir) Loose() ([]Loose, error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the state folder: %w", err)
	}
	defer root.Close()
	return d.loose(root)
}

func (d Dir) loose(root *os.Root) ([]Loose, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("look at the state folder: %w", err)
	}
	var all []Loose
	if info, err := root.Stat("."); err == nil && open(info) {
		l := Loose{Name: ".", Mode: info.Mode()}
		if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !ours(e.Name()) }) {
			l.Err = errShared
		}
		all = append(all, l)
	}
	names := slices.Clone(ownFiles)
	for _, folder := range []string{"leases", trustFolder} {
		records, err := fs.ReadDir(root.FS(), folder)
		if err != nil {
			continue // it is not there
		}
		for _, e := range records {
			names = append(names, path.Join(folder, e.Name()))
		}
	}
	for _, name := range names {
		info, err := root.Lstat(name)
		if err != nil {
			continue // it is not there
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			// Where it leads to is the user's; it may be out of the folder.
			if info, err = os.Stat(path.Join(string(d), name)); err == nil && open(info) {
				all = append(all, Loose{name, info.Mode(), errLinked})
			}
			continue
		}
		if open(info) {
			all = append(all, Loose{Name: name, Mode: info.Mode()})
		}
	}
	return all, nil
}

// open reports whether others than the owner have a permission.
func open(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// Tighten removes the permissions of other users on hf-tap's files, and returns the
// files that had them. A folder that holds files of others, too, is the user's to
// change.
func (d Dir) Tighten() ([]Loose, error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the state folder: %w", err)
	}
	defer root.Close()
	all, err := d.loose(root)
	for i, l := range all {
		if l.Err == nil {
			all[i].Err = root.Chmod(l.Name, l.Mode&^0o077)
		}
	}
	return slices.DeleteFunc(all, func(l Loose) bool { return errors.Is(l.Err, fs.ErrNotExist) }), err
}

// LooseLine returns a line about the files that other users had access to, and those
// that they still have; empty if there are none.
func LooseLine(all []Loose) string {
	var done, stays []string
	records := 0
	for _, l := range all {
		switch {
		case l.Err != nil:
			stays = append(stays, l.String())
		case strings.HasPrefix(l.Name, "leases/"):
			records++
		default:
			done = append(done, l.String())
		}
	}
	if records > 0 {
		done = append(done, plural(records, "file", "files")+" in leases")
	}
	var parts []string
	if len(done) > 0 {
		parts = append(parts, "made private, others had access: "+strings.Join(done, ", "))
	}
	if len(stays) > 0 {
		parts = append(parts, "others have access: "+strings.Join(stays, ", "))
	}
	return strings.Join(parts, "; ")
}
