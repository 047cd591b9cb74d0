package sandbox_test

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestAnEventStartsAJobWithItsEnvironment(t *testing.T) {
	var mu sync.Mutex
	var logged []sandbox.Entry
	p := open(t, sandbox.Config{Log: func(e sandbox.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if e.Type == sandbox.EntryJob {
			logged = append(logged, e)
		}
	}})
	p.call("POST", hooks, p.token, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"secret":"s3cret","job":{"flavor":"cpu-basic","dockerImage":"python:3.12",
		"command":["python"],"arguments":["-V"],"environment":{"LEVEL":"1","WEBHOOK_ID":"mine"},"secrets":{"HF_TOKEN":"hidden"}}}`)
	p.call("POST", hooks, p.token, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"jobSourceId":"687f911eaea852de79c4a50a"}`)
	other := p.newToken("you", sandbox.Token{})
	p.must(p.UpdateRepo(model))
	p.idle()

	var jobs []sandbox.Job
	_, text := p.call("GET", "/sandbox/jobs", p.token, "")
	p.must(json.Unmarshal([]byte(text), &jobs))
	deliveries := p.Deliveries()
	if len(jobs) != 2 || len(deliveries) != 2 || len(logged) != 2 || logged[0].Delivery != deliveries[0].ID {
		t.Fatalf("%d jobs, %d deliveries, logged %+v", len(jobs), len(deliveries), logged)
	}
	j, d := jobs[0], deliveries[0]
	want := map[string]string{
		"LEVEL": "1", "WEBHOOK_PAYLOAD": string(d.Body), "WEBHOOK_REPO_ID": "me/m", "WEBHOOK_REPO_TYPE": "model", "WEBHOOK_ID": d.ID, "WEBHOOK_SECRET": "s3cret",
	}
	if !maps.Equal(j.Environment, want) || !slices.Equal(j.Secrets, []string{"HF_TOKEN"}) || !slices.Equal(j.Command, []string{"python"}) || j.DockerImage != "python:3.12" ||
		j.WebhookID != d.WebhookID || j.Kind != "repo.update" || j.Repo != "model:me/m" || j.ID == "" || j.CreatedAt.IsZero() {
		t.Errorf("the job is %+v", j)
	}
	if _, set := jobs[1].Environment["WEBHOOK_SECRET"]; set || jobs[1].JobSourceID != "687f911eaea852de79c4a50a" || jobs[1].ID == j.ID {
		t.Errorf("the copy is %+v", jobs[1])
	}
	if _, text := p.call("GET", "/sandbox/jobs", other, ""); text != "[]" && text != "[]\n" {
		t.Errorf("another user sees %s", text)
	}
	if answer, _ := p.call("GET", "/sandbox/jobs", "", ""); answer.StatusCode != 401 {
		t.Errorf("without a token the answer is %d", answer.StatusCode)
	}
}
