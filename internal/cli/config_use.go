package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inConfig marks flags whose values configuration files may have.
const inConfig = "hf-tap_config"

// configurable marks flags whose values configuration files may have. A command with
// such a flag reads the user's own file.
func configurable(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		_ = fs.SetAnnotation(name, inConfig, nil) // it fails for an unknown flag only
	}
}

// readsConfigItself are the annotations of a command that calls useConfig when it is
// ready for it, or does not need it.
func readsConfigItself() map[string]string { return map[string]string{inConfig: "itself"} }

func isConfigurable(f *pflag.Flag) bool {
	_, marked := f.Annotations[inConfig]
	return marked
}

// projectFlags are the flags that decide whether the project's file is used. A command
// with them reads it.
type projectFlags struct{ ignore bool }

func (f *projectFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.ignore, "no-config", false, "ignore the project's .hf-tap.toml")
}

// useConfig sets the flags of a command that were not typed to the values of the
// configuration files. It asks about a project's file that is not trusted, if the
// command has projectFlags.
func (p *Process) useConfig(cmd *cobra.Command, args []string) error {
	fs := cmd.Flags()
	reads := false
	fs.VisitAll(func(f *pflag.Flag) { reads = reads || isConfigurable(f) })
	if !reads {
		return nil
	}
	own, err := config.ReadOwn(p.Getenv)
	if err != nil {
		return configError(err)
	}
	var project *config.File
	if ignore, err := fs.GetBool("no-config"); err == nil && !ignore { // the command has projectFlags
		canAsk := p.Interactive && fs.Lookup("token").Value.String() != "-"
		if project, err = p.trustedProject(cmd.Context(), canAsk); err != nil {
			return err
		}
	}
	p.settings = p.merged(fs, args, project, own)
	p.tellProject(project)
	if endpoint, ok := p.fromFile("endpoint"); ok {
		env := p.Getenv
		p.Getenv = func(name string) string {
			if value := env(name); name != "HF_ENDPOINT" || strings.TrimSpace(value) != "" {
				return value
			}
			return endpoint
		}
	}
	return p.setFromFiles(fs)
}

// setFromFiles sets flags to the values of the configuration files that count.
func (p *Process) setFromFiles(fs *pflag.FlagSet) (err error) {
	fs.VisitAll(func(f *pflag.Flag) {
		value, have := p.settings[strings.ReplaceAll(f.Name, "-", "_")]
		if isConfigurable(f) && have && value.Origin.Source == config.SourceFile {
			err = errors.Join(err, p.blamed(f.Name, set(f, value.Texts)))
		}
	})
	return err
}

// set sets a flag to a value that was not typed. The flag does not count as changed.
func set(f *pflag.Flag, texts []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(texts)
	}
	return f.Value.Set(texts[0])
}

// merged are the values of all keys that are set by flags, the environment or a file.
// Either file may be nil.
func (p *Process) merged(fs *pflag.FlagSet, args []string, project, own *config.File) config.Layer {
	typed := config.Layer{}
	if len(args) > 0 {
		typed["watch"] = config.Value{Texts: args, Origin: config.Origin{Source: config.SourceFlag, Name: "arguments"}}
	}
	for _, key := range config.Keys() {
		f := fs.Lookup(key.Flag())
		if f == nil || !f.Changed || !isConfigurable(f) {
			continue
		}
		value := config.Value{Texts: []string{f.Value.String()}, Origin: config.Origin{Source: config.SourceFlag, Name: "--" + f.Name}}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value.Texts = list.GetSlice()
		}
		typed[key.Name] = value
	}
	before := config.Merge(typed, config.Environment(p.Getenv))
	files := config.Merge(layerOf(project), layerOf(own))
	dropSuperseded(config.Merge(before, files), files, fs)
	return config.Merge(before, files)
}

func layerOf(f *config.File) config.Layer {
	if f == nil {
		return nil
	}
	return f.Values
}

// dropSuperseded removes the values of files that exclude a typed flag: together they
// would be an error.
func dropSuperseded(all, files config.Layer, fs *pflag.FlagSet) {
	if fs.Changed("like") || fs.Changed("no-webhook") {
		delete(files, "watch")
		delete(files, "domain")
	}
	text := func(key string) string {
		if value, ok := all[key]; ok {
			return value.Texts[0]
		}
		return ""
	}
	bySSH := ssh.IsServer(text("tunnel"))
	switch {
	case fs.Changed("tunnel") && text("tunnel") != local.Public:
		delete(files, "port")
		if !bySSH {
			delete(files, "public_url")
		}
	case fs.Changed("public-url") && text("tunnel") != local.Public && !bySSH:
		delete(files, "tunnel")
	case !fs.Changed("tunnel") && !fs.Changed("public-url") && hub.Env{Endpoint: text("endpoint")}.Loopback():
		delete(files, "tunnel") // the sandbox needs none
		delete(files, "public_url")
		delete(files, "port")
	}
}

// fromFile is the value of a key if it is a file's.
func (p *Process) fromFile(key string) (text string, ok bool) {
	value, ok := p.settings[key]
	if !ok || value.Origin.Source != config.SourceFile || len(value.Texts) == 0 {
		return "", false
	}
	return strings.Join(value.Texts, ","), true
}

// named is the name of a setting for messages: the flag, or the key and its file.
func (p *Process) named(flag string) string {
	key := strings.ReplaceAll(flag, "-", "_")
	if _, ok := p.fromFile(key); ok {
		return key
	}
	return "--" + flag
}

// blamed is an error about the value of a flag, with the file and line if the value
// comes from a file.
func (p *Process) blamed(flag string, err error) error {
	key := strings.ReplaceAll(flag, "-", "_")
	if _, ok := p.fromFile(key); !ok || err == nil {
		return err
	}
	at := p.settings[key].Origin
	return &config.Error{Path: at.Name, Line: at.Line, Column: at.Column, Err: fmt.Errorf("%s: %w", key, err)}
}

// configError is an error of a configuration file with its hint.
func configError(err error) error {
	var wrong *config.Error
	var refused *config.RefusedError
	switch {
	case errors.As(err, &wrong):
		return usageError(err, wrong.Hint)
	case errors.As(err, &refused):
		return withHint(err, refused.Hint)
	}
	return err
}

// tellProject prints which values of a project's file are used.
func (p *Process) tellProject(project *config.File) {
	if project == nil {
		return
	}
	var used []string
	for _, key := range config.Keys() {
		if value, ok := p.settings[key.Name]; ok && value.Origin.Name == project.Path {
			used = append(used, key.Name)
		}
	}
	if len(used) > 0 {
		p.tell("using %s from %s", strings.Join(used, ", "), project.Path)
	}
}

// projectPath is the path of the project's file of the working directory, "" if there
// is none.
func projectPath() string {
	folder, err := os.Getwd()
	if err != nil {
		return "" // it was removed: nothing is in it
	}
	return config.FindProject(folder)
}

// project reads the project's file of the working directory, and the user's decision
// about trusting it. It is nil if there is none.
func (p *Process) project() (*config.File, session.Dir, session.Trust, error) {
	none := session.Trust{}
	path := projectPath()
	if path == "" {
		return nil, "", none, nil
	}
	file, err := config.ReadProject(path)
	if err != nil {
		return nil, "", none, configError(err)
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return nil, "", none, err
	}
	trust, err := dir.Trust(path, file.Content)
	return file, dir, trust, err
}

// trustedProject is the project's file if the user trusts it, nil if there is none.
// It asks the user if that is possible.
func (p *Process) trustedProject(ctx context.Context, ask bool) (*config.File, error) {
	file, dir, trust, err := p.project()
	if err != nil || file == nil || trust.Current {
		return file, err
	}
	if !ask {
		return nil, withHint(fmt.Errorf("%s %s", file.Path, distrust(trust)), "hf-tap config trust, or go on without it: hf-tap listen --no-config")
	}
	p.tell("%s %s:", file.Path, distrust(trust))
	if err := p.showProject(p.Err, file); err != nil {
		return nil, err
	}
	if err := p.askForTrust(ctx, file); err != nil {
		return nil, err
	}
	return file, dir.SetTrust(file.Path, file.Content)
}
