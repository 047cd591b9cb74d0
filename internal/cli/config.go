package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newConfig(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration, and trust a project's file",
		Long: `Settings are read from the project's .hf-tap.toml, once it is trusted, and from your own
config.toml. Flags take precedence over the environment, and the environment over files.
docs/configuration.md lists all keys.`,
		Example: "  hf-tap config show",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(p), newConfigTrust(p))
	return cmd
}

func newConfigShow(p *Process) *cobra.Command {
	var f listenFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [type:name …]",
		Short: "Show each setting and where it is from",
		Long: `Show the settings that "hf-tap listen" would use with the same flags and arguments, and
where each is from: a flag, a variable of the environment, a line of a file, or the
default. It checks both files, and calls no server.`,
		Example: `  hf-tap config show
  hf-tap config show --forward 7860
  hf-tap config show --json | jq '.settings[] | select(.source == "file")'`,
		Annotations: readsConfigItself(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := f.parse(p, args); err != nil {
				return err
			}
			if err := checkTyped(cmd.Flags()); err != nil {
				return err
			}
			return p.showConfig(cmd.Flags(), args, asJSON, f.project.ignore)
		},
	}
	all := pflag.NewFlagSet("listen", pflag.ContinueOnError)
	f.register(all)
	all.VisitAll(func(flag *pflag.Flag) {
		if isConfigurable(flag) || flag.Name == "no-config" {
			cmd.Flags().AddFlag(flag)
		}
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object (docs/configuration.md)")
	return cmd
}

// checkTyped reports the first typed flag whose value breaks the rules of configuration
// files.
func checkTyped(fs *pflag.FlagSet) error {
	for _, key := range config.Keys() {
		f := fs.Lookup(key.Flag())
		if f == nil || !f.Changed || key.List || key.Name == "token" {
			continue
		}
		if err := key.Check(f.Value.String()); err != nil {
			return usageError(fmt.Errorf("--%s: %w", f.Name, err), "hf-tap listen --help")
		}
	}
	return nil
}

// shownConfig is the configuration in the form of the output.
type shownConfig struct {
	Files    []shownFile    `json:"files"`
	Settings []shownSetting `json:"settings"`
}

// shownFile is the path of a configuration file, and whether it exists and is used.
type shownFile struct {
	Kind  string `json:"kind"`  // project or user
	Path  string `json:"path"`  // "" if there is none
	State string `json:"state"` // used, untrusted, changed, ignored or missing
}

// shownSetting is a key with its value.
type shownSetting struct {
	Key    string        `json:"key"`
	Value  any           `json:"value"` // a text, a number or a list of texts; nil: there is none
	Source config.Source `json:"source"`
	From   string        `json:"from,omitempty"` // the flag, the variable or the path of the file
	Line   int           `json:"line,omitempty"`
	Column int           `json:"column,omitempty"`

	texts  []string
	origin config.Origin
}

func (p *Process) showConfig(fs *pflag.FlagSet, args []string, asJSON, ignore bool) error {
	var project *config.File
	shown := shownConfig{Files: []shownFile{{Kind: "project", State: "missing"}, {Kind: "user", Path: config.OwnPath(p.Getenv), State: "missing"}}}
	if path := projectPath(); path != "" {
		shown.Files[0] = shownFile{"project", path, "ignored"}
	}
	if !ignore {
		file, _, trust, err := p.project()
		switch {
		case err != nil:
			return err
		case file == nil:
		case trust.Current:
			shown.Files[0].State, project = "used", file
		case trust.Since.IsZero():
			shown.Files[0].State = "untrusted"
		default:
			shown.Files[0].State = "changed"
		}
	}
	own, err := config.ReadOwn(p.Getenv)
	if err != nil {
		return configError(err)
	}
	if own != nil {
		shown.Files[1].State = "used"
	}
	settings := p.merged(fs, args, project, own)
	for _, key := range config.Keys() {
		shown.Settings = append(shown.Settings, setting(key, settings, fs.Lookup(key.Flag())))
	}
	if !asJSON {
		return p.printConfig(shown)
	}
	b, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, p.notes.Mask.JSON(b))
	return lines.WriteError(err)
}

// setting is a key of the configuration in the form of the output. flag is the one that
// sets the same, nil if there is none.
func setting(key config.Key, settings config.Layer, flag *pflag.Flag) shownSetting {
	value, have := settings[key.Name]
	if !have {
		value.Origin = config.Origin{Source: config.SourceDefault}
		value.Texts = defaults(key, flag)
	}
	s := shownSetting{Key: key.Name, Source: value.Origin.Source, From: value.Origin.Name, Line: value.Origin.Line, Column: value.Origin.Column, origin: value.Origin}
	for _, text := range value.Texts {
		s.texts = append(s.texts, key.Shown(text))
	}
	switch n, err := strconv.Atoi(one(s.texts)); {
	case key.List:
		s.Value = append([]string{}, s.texts...)
	case len(s.texts) == 0:
	case key.Number && err == nil:
		s.Value = n
	default:
		s.Value = s.texts[0]
	}
	return s
}

func one(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// defaults are the values of a key that is not set. There are none if the default is
// empty or depends on other settings.
func defaults(key config.Key, flag *pflag.Flag) []string {
	switch {
	case key.Name == "endpoint":
		return []string{hub.DefaultEndpoint}
	case flag == nil || key.List:
		return nil
	case flag.DefValue == "" || flag.DefValue == "0s" || key.Name == "port":
		return nil
	}
	return []string{flag.DefValue}
}

// printConfig prints the files, then a line for each value.
func (p *Process) printConfig(shown shownConfig) error {
	var files, settings table
	for _, f := range shown.Files {
		state := f.State
		switch f.State {
		case "untrusted":
			state = "has no effect until it is trusted: hf-tap config trust"
		case "changed":
			state = "has changed since it was trusted, and has no effect: hf-tap config trust"
		}
		files.add(f.Kind, p.shownText(f.Path), state)
	}
	for _, s := range shown.Settings {
		if len(s.texts) == 0 {
			s.texts = []string{"-"}
		}
		for i, text := range s.texts {
			key, from := s.Key, s.origin.String()
			if i > 0 {
				key, from = "", ""
			}
			settings.add(key, p.shownText(text), p.shownText(from))
		}
	}
	if err := files.print(p.Out); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Out); err != nil {
		return lines.WriteError(err)
	}
	return settings.print(p.Out)
}

// shownText is a text in which this process's secrets are masked.
func (p *Process) shownText(s string) string { return fmt.Sprint(p.notes.Shown(s)) }
