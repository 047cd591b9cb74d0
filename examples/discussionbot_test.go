package examples_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// comments returns who wrote what in a discussion, "bot: Hello".
func (w *world) comments(api string, num int) (all []string) {
	w.t.Helper()
	details := w.call(w.me, "GET", fmt.Sprintf("%s/discussions/%d", api, num), nil)
	for _, e := range details["events"].([]any) {
		event := e.(map[string]any)
		if event["type"] == "comment" {
			author := event["author"].(map[string]any)["name"]
			raw := event["data"].(map[string]any)["latest"].(map[string]any)["raw"]
			all = append(all, fmt.Sprintf("%s: %s", author, raw))
		}
	}
	return all
}

func TestTheDiscussionBotAnswersMentionsAndNotItself(t *testing.T) {
	withEachClient(t, func(t *testing.T, push client) {
		w := newWorld(t)
		w.repo("model", "m")
		w.start("user:me", "discussion", "discussionbot")
		const api = "/api/models/me/m"
		say := func(token string, num int, text string) (comment string) {
			w.t.Helper()
			answer := w.call(token, "POST", fmt.Sprintf("%s/discussions/%d/comment", api, num), map[string]string{"comment": text})
			return "comment=" + answer["newMessage"].(map[string]any)["id"].(string)
		}
		w.call(w.me, "POST", api+"/discussions", map[string]string{"title": "Hello", "description": "@bot, which files are there?"})
		w.logged("answered", "discussion=1")
		for _, text := range []string{"Thanks!", "> @bot, which files are there?\n\nI see.", "me@bot.example", "@bot-2 files", "@robot files"} {
			say(w.me, 1, text)
		}
		say(w.bot, 1, "@bot files") // an answer that mentions itself
		w.logged("answered", say(w.me, 1, "What can you do (@BOT)?"))
		push(w, "model", "me/m", "pull-request", "config.json", "{}")
		w.logged("answered", say(w.me, 2, "@bot files"))
		for _, d := range w.settle() {
			w.replay(d)
		}
		w.stop("answered repo=me/m discussion=1", "answered repo=me/m discussion=1", "answered repo=me/m discussion=2")

		byBot := slices.DeleteFunc(w.comments(api, 1), func(c string) bool { return !strings.HasPrefix(c, "bot: ") })
		slices.Sort(byBot)
		if want := []string{"bot: @bot files", "bot: Files at main:\n\n- `.gitattributes`\n", "bot: I can list the files of this repository: mention me and write *files*."}; !slices.Equal(byBot, want) {
			t.Errorf("in the discussion the bot wrote %q", byBot)
		}
		if all := w.comments(api, 2); len(all) != 3 || all[2] != "bot: Files at refs/pr/2:\n\n- `.gitattributes`\n- `config.json`\n" {
			t.Errorf("in the pull request: %q", all)
		}
	})
}
