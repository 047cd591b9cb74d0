package examples_test

import (
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestTheDiscussionBotRunsInASpace runs the program in the environment that a
// Space gives it, where the Hub calls it by the Space's public name.
func TestTheDiscussionBotRunsInASpace(t *testing.T) {
	w := newWorld(t)
	w.repo("model", "m")
	w.run(w.env("SPACE_ID=bot/discussion-bot", "SPACE_HOST=bot-discussion-bot.hf.space", "SPACE_AUTHOR_NAME=bot", "SPACE_REPO_NAME=discussion-bot", "SYSTEM=spaces"), "discussionbot")
	port := localPort.FindStringSubmatch(w.out.text())[1]
	want := `Webhook secret is set.
Running on local URL:  http://localhost:` + port + `

Webhooks are ready:
  - POST https://bot-discussion-bot.hf.space/webhooks/answer
Configure webhooks at https://huggingface.co/settings/webhooks
`
	if got := w.out.text(); got != want {
		t.Errorf("the start prints\n%s\nwant\n%s", got, want)
	}
	elsewhere := "http://127.0.0.1:" + port
	if runtime.GOOS == "linux" { // where a server on 127.0.0.1 alone does not answer on the rest of 127.0.0.0/8
		elsewhere = "http://127.0.0.2:" + port
	}
	if status, page := w.request("GET", elsewhere+"/", ""); status != http.StatusOK || !strings.Contains(page, "https://bot-discussion-bot.hf.space/webhooks/answer") {
		t.Errorf("the page is answered %d %s", status, page)
	}
	if status, answer := w.request("POST", elsewhere+"/webhooks/answer", "{}"); status != http.StatusUnauthorized {
		t.Errorf("without the secret it answers %d %s", status, answer)
	}
	w.webhook("model:me/m", "discussion")
	w.call(w.me, "POST", "/api/models/me/m/discussions", map[string]string{"title": "Hello", "description": "@bot files"})
	w.logged("answered")
	w.stop("webhook delivery refused", "answered repo=me/m discussion=1")
}

func TestTheSpacesFilesFitTogether(t *testing.T) {
	readme, err := os.ReadFile("discussionbot/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "---\n")
	front, text, _ := strings.Cut(rest, "---\n")
	var space struct {
		Title       string `yaml:"title"`
		SDK         string `yaml:"sdk"`
		AppPort     string `yaml:"app_port"`
		Description string `yaml:"short_description"`
	}
	if err := yaml.Unmarshal([]byte(front), &space); err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("discussionbot/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile(`(?m)^(FROM|COPY|USER|EXPOSE|CMD) (.*)$`).FindAllStringSubmatch(string(dockerfile), -1)
	var got []string
	for _, s := range steps[1:] {
		got = append(got, s[0])
	}
	want := []string{"COPY --chmod=755 discussionbot /discussionbot", "USER 1000", "EXPOSE " + space.AppPort, `CMD ["/discussionbot"]`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the Dockerfile has %q, want %q", got, want)
	}
	// The Hub's limit for short_description is 60 characters.
	if space.Title == "" || space.SDK != "docker" || space.AppPort != "7860" || len(space.Description) > 60 {
		t.Errorf("the front matter is %+v", space)
	}
	for _, needed := range []string{"`HF_TOKEN`", "`WEBHOOK_SECRET`", "48 hours"} {
		if !strings.Contains(text, needed) {
			t.Errorf("the Space's README.md does not mention %s", needed)
		}
	}
}
