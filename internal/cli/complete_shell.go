package cli

import (
	"io"
	"strings"

	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
)

// bashBefore is the text before cobra's script for bash. That script needs two
// functions of the package bash-completion, which not every machine has.
const bashBefore = `# The words of the line, with the characters of -n as parts of words.
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref()
    {
        local rest=${COMP_LINE:0:COMP_POINT} i word
        words=() cword=-1
        for ((i = 0; i <= COMP_CWORD; i++)); do
            word=${COMP_WORDS[i]}
            if ((i == COMP_CWORD)); then
                word=${rest#"${rest%%[![:space:]]*}"}
            fi
            if ((i > 0)) && [[ $rest != [[:space:]]* ]] && [[ $word == [=:]* || ${words[cword]} == *[=:] ]]; then
                words[cword]+=$word
            else
                words[++cword]=$word
            fi
            rest=${rest#"${rest%%[![:space:]]*}"}
            rest=${rest#"$word"}
        done
        cur=${words[cword]} prev=
        if ((cword > 0)); then
            prev=${words[cword-1]}
        fi
    }
fi

`

// bareLine is the line that is completed without what is quoted, in bash and zsh. The
// scripts of cobra evaluate the line, which must not redirect to a file or run a command
// before Enter is pressed.
const bareLine = `
__hf-tap_bare()
{
    local rest=$1 bare=
    while [[ $rest == *\'*\'* ]]; do
        bare+=${rest%%\'*}
        rest=${rest#*\'}
        rest=${rest#*\'}
    done
    bare+=$rest
    bare=${bare//\\[<>$]/}
    [[ $bare != *[\<\>\` + "`" + `]* && $bare != *'$('* ]]
}
`

const bashAfter = bareLine + `
__hf-tap_complete()
{
    COMPREPLY=()
    __hf-tap_bare "${COMP_LINE:0:COMP_POINT}" && __start_hf-tap
    if ((${#COMPREPLY[@]})); then
        COMPREPLY=("${COMPREPLY[@]//\\,/,}") # printf %q quotes commas
    fi
}

if [[ $(type -t compopt) = "builtin" ]]; then
    complete -o default -F __hf-tap_complete hf-tap
else
    complete -o default -o nospace -F __hf-tap_complete hf-tap
fi
`

// zshLocals is the first statement of the function in cobra's script for zsh.
const zshLocals = "    local lastParam lastChar flagPrefix requestComp out directive comp lastComp noSpace keepOrder\n"

// fishWords reads the words before the cursor in cobra's script for fish: without their
// quotes, which have to be there again before the line is evaluated.
const fishWords = "    set -l args (commandline -opc)\n"

// completionSetup says how each shell loads its script.
var completionSetup = map[string]string{
	"bash": `For this shell:
  source <(hf-tap completion bash)

For each new one:
  echo 'source <(hf-tap completion bash)' >> ~/.bashrc`,
	"zsh": `For this shell:
  source <(hf-tap completion zsh)

For each new one, in a folder of fpath:
  hf-tap completion zsh > "${fpath[1]}/_hf-tap"

Completion must be on: "autoload -U compinit; compinit" in ~/.zshrc.`,
	"fish": `For this shell:
  hf-tap completion fish | source

For each new one:
  hf-tap completion fish > ~/.config/fish/completions/hf-tap.fish`,
	"powershell": `For this shell:
  hf-tap completion powershell | Out-String | Invoke-Expression

For each new one, add that line to the file $PROFILE.`,
}

// useScripts makes the commands for bash, zsh and fish print scripts that evaluate nothing
// but words.
func useScripts(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short = "Print the completion script of a shell"
		cmd.Long = "Print the script with which a shell completes commands, flags and values."
		for _, shell := range cmd.Commands() {
			shell.Short = "Print the completion script for " + shell.Name()
			shell.Long = shell.Short + ".\n\n" + completionSetup[shell.Name()]
			shell.RunE = func(cmd *cobra.Command, _ []string) error {
				plain, _ := cmd.Flags().GetBool("no-descriptions")
				script, err := completionScript(root, cmd.Name(), !plain)
				if err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), script)
				return lines.WriteError(err)
			}
		}
	}
}

func completionScript(root *cobra.Command, shell string, descriptions bool) (string, error) {
	var b strings.Builder
	var err error
	switch {
	case shell == "bash":
		b.WriteString(bashBefore)
		err = root.GenBashCompletionV2(&b, descriptions)
		b.WriteString(bashAfter)
	case shell == "zsh" && descriptions:
		err = root.GenZshCompletion(&b)
	case shell == "zsh":
		err = root.GenZshCompletionNoDesc(&b)
	case shell == "fish":
		err = root.GenFishCompletion(&b, descriptions)
	case descriptions:
		err = root.GenPowerShellCompletionWithDesc(&b)
	default:
		err = root.GenPowerShellCompletion(&b)
	}
	script := b.String()
	switch shell {
	case "zsh":
		front, body, _ := strings.Cut(script, "\n_hf-tap()\n")
		script = front + bareLine + "\n_hf-tap()\n" + strings.Replace(body, zshLocals, zshLocals+"    __hf-tap_bare \"$LBUFFER\" || return 1\n", 1)
	case "fish":
		script = strings.Replace(script, fishWords, fishWords+"    if set -q args[2]\n        set args $args[1] (string escape -- $args[2..-1])\n    end\n", 1)
	}
	return script, err
}
