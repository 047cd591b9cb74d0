package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionTime is how long a completion may take: a shell waits for it.
const completionTime = 500 * time.Millisecond

// completion is a word that is being typed, with what was typed before it. The process
// prints nothing and reads no input.
type completion struct {
	ctx   context.Context
	p     *Process
	cmd   *cobra.Command
	args  []string // before the word
	typed string   // the part of the word before the cursor
}

// completer lists the values that fit a word. It returns what it has when the time is
// over, and nothing after an error: a shell has no place to show one.
type completer func(c completion) ([]cobra.Completion, cobra.ShellCompDirective)

// flagCompleters complete the values of flags. A flag that is not here is completed by
// files if its value is a FILE, by folders if it is a DIR, else by nothing.
func flagCompleters() map[string]completer {
	targets := completeMatches
	return map[string]completer{
		"tunnel":  completeTunnels,
		"respond": completeWords("ack\t200 as soon as the event is recorded", "relay\twhat the targets answer"),
		"domain":  completeWords(texts(hub.Domains())...),
		"like":    completeWebhooks, "mute": completeWebhooks,
		"until": completeFilter, "filter": completeFilter,
		"session": completeSessions, "format": completeWords(formatNDJSON, formatHAR, formatCurl, formatFixtures), "forget": completeLeftBehind,
		"token": completeTokens,
		"watch": completeWatches, "repo": completeRepos,
		"forward": targets, "exec": targets,
		"only": completeChecks, "skip": completeChecks,
		"variant": completeVariants,
	}
}

// argCompleters complete the arguments of commands.
func argCompleters() map[string]completer {
	upTo := func(n int, next completer) completer {
		return func(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(c.args) >= n {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return next(c)
		}
	}
	one := func(next completer) completer { return upTo(1, next) }
	files := func(completion) ([]cobra.Completion, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return map[string]completer{
		"hf-tap listen": afterDash(completeWatches), "hf-tap config show": completeWatches,
		"hf-tap help": completeTopics, "hf-tap man": completeCommands,
		"hf-tap events ls": completeFilter, "hf-tap events show": one(completeEvents),
		"hf-tap events replay": completeEvents, "hf-tap events dismiss": completeEvents, "hf-tap events export": completeEvents,
		"hf-tap events rm": completeEvents, "hf-tap events pin": completeEvents, "hf-tap events unpin": completeEvents,
		"hf-tap events diff": upTo(2, completeEvents), "hf-tap events import": files,
		"hf-tap events save": func(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(c.args) == 1 {
				return files(c)
			}
			return one(completeEvents)(c)
		},
		"hf-tap trigger": one(completeWords(texts(event.Kinds())...)),
		"hf-tap check": afterDash(func(completion) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}),
		"hf-tap webhooks info": one(completeWebhooks), "hf-tap webhooks job": one(completeWebhooks),
		"hf-tap webhooks update": one(completeWebhooks), "hf-tap webhooks enable": one(completeWebhooks),
		"hf-tap webhooks disable": one(completeWebhooks), "hf-tap webhooks delete": one(completeWebhooks),
		"hf-tap webhooks replay": one(completeWebhooks), "hf-tap webhooks prune": completeWebhooks,
	}
}

// useCompletion makes all commands below cmd complete their values.
func (p *Process) useCompletion(cmd *cobra.Command) {
	flags, args := flagCompleters(), argCompleters()
	var use func(*cobra.Command)
	use = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal == "" {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, p.completes(flagCompleter(flags, f))) // it fails for one that has a function
			}
		})
		if complete := args[cmd.CommandPath()]; complete != nil {
			cmd.ValidArgsFunction = p.completes(complete)
		} else if cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		for _, sub := range cmd.Commands() {
			use(sub)
		}
	}
	use(cmd)
}

func flagCompleter(known map[string]completer, f *pflag.Flag) completer {
	name := valueName(f)
	if complete := known[f.Name]; complete != nil && !(f.Name == "until" && name != "FILTER") {
		return complete
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	switch name {
	case "FILE":
		directive = cobra.ShellCompDirectiveDefault
	case "DIR":
		directive = cobra.ShellCompDirectiveFilterDirs
	}
	return func(completion) ([]cobra.Completion, cobra.ShellCompDirective) { return nil, directive }
}

// completes adapts a completer to cobra.
func (p *Process) completes(complete completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		quiet := p.silent()
		quiet.In, quiet.Interactive = strings.NewReader(""), false
		if f := cmd.Flags().Lookup("no-config"); f != nil { // a project's file is not needed here, and may not be trusted
			_ = f.Value.Set("true")
		}
		_ = quiet.useConfig(cmd, args) // without the user's own file, the defaults count
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		found, directive := complete(completion{ctx, quiet, cmd, args, typed})
		return safeCompletions(quiet, found, typed), directive
	}
}

// shellWord is a value that is offered: shells evaluate what they complete, and not all
// of them quote it well.
var shellWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+*<>\[\] -]+$`)

// safeCompletions are the values that begin like the typed word, without those that a
// shell would not read as a single word. Descriptions are made safe for the terminal.
func safeCompletions(p *Process, found []cobra.Completion, typed string) []cobra.Completion {
	var safe []cobra.Completion
	for _, candidate := range found {
		value, about, _ := strings.Cut(candidate, "\t")
		if !strings.HasPrefix(value, typed) || !shellWord.MatchString(strings.TrimPrefix(value, typed)) {
			continue
		}
		if about != "" && !strings.Contains(typed, ",") { // the script for bash finds no match behind a comma, if there are descriptions
			value += "\t" + term.Line(p.notes.Mask.Text(about))
		}
		safe = append(safe, value)
	}
	return safe
}

func completeWords(words ...string) completer {
	return func(completion) ([]cobra.Completion, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTopics completes a command or a help topic.
func completeTopics(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	words, directive := completeCommands(c)
	if len(c.args) == 0 {
		for _, t := range topics() {
			words = append(words, t.name+"\t"+t.about)
		}
	}
	return words, directive
}

func completeCommands(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	at := c.cmd.Root()
	if len(c.args) > 0 {
		found, _, err := at.Find(c.args)
		if err != nil || found == at {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		at = found
	}
	var words []string
	for _, sub := range at.Commands() {
		if sub.IsAvailableCommand() {
			words = append(words, sub.Name()+"\t"+sub.Short)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeTunnels completes a list of tunnels, which has commas between them.
func completeTunnels(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	front := c.typed[:strings.LastIndexByte(c.typed, ',')+1]
	var words []string
	for _, name := range append([]string{tunnel.Auto, local.Loopback, local.Public}, session.TunnelProviders()...) {
		name, _, _ = strings.Cut(name, "[") // ssh://
		if front == "" || name != tunnel.Auto && !slices.Contains(strings.Split(front, ","), name) {
			words = append(words, front+name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeMatches completes the kinds in front of a target.
func completeMatches(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	front := c.typed[:strings.LastIndexByte(c.typed, ',')+1]
	words := []string{front + "default=\tevents that no other target gets"}
	if front != "" {
		words = nil
	}
	for _, kind := range kindGlobs() {
		words = append(words, front+kind+"=\tonly these events")
	}
	if strings.Contains(c.typed, "=") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// kindGlobs are the kinds of events, and the globs for all kinds of a scope.
func kindGlobs() []string {
	return append([]string{"repo.*", "discussion.*"}, texts(event.Kinds())...)
}

func completeTokens(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := []string{"-\tread it from standard input"}
	for _, name := range hub.StoredTokens(c.p.tokenEnv()) {
		words = append(words, name+"\tstored by hf auth login")
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// afterDash calls next for words before --. For those after it, the shell completes the
// command.
func afterDash(next completer) completer {
	return func(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
		if slices.Contains(c.p.args, "--") { // cobra's own count is of a line with one more
			return nil, cobra.ShellCompDirectiveDefault
		}
		return next(c)
	}
}

// completeChecks completes a list of checks and their groups.
func completeChecks(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	front := c.typed[:strings.LastIndexByte(c.typed, ',')+1]
	var words []string
	for _, group := range check.Groups() {
		words = append(words, front+string(group))
	}
	for _, one := range check.All() {
		words = append(words, front+one.Name)
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeVariants completes the forms of the kind that was typed before.
func completeVariants(c completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []string
	for _, kind := range c.args {
		for _, typ := range hub.RepoTypes() {
			words = append(words, texts(event.Variants(event.Kind(kind), typ))...)
		}
	}
	slices.Sort(words)
	return slices.Compact(words), cobra.ShellCompDirectiveNoFileComp
}
