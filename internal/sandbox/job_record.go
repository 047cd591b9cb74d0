package sandbox

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Job is the record of a Job that an event would start on the Hub: it has the
// environment of its container, and no container runs.
type Job struct {
	ID          string     `json:"id"`
	CreatedAt   time.Time  `json:"createdAt"`
	WebhookID   string     `json:"webhookId"`
	Delivery    string     `json:"deliveryId"` // as in WEBHOOK_ID
	Kind        event.Kind `json:"kind"`
	Repo        string     `json:"repo"`                  // type:name
	JobSourceID string     `json:"jobSourceId,omitempty"` // the Job that it is a copy of, of which nothing is known here
	DockerImage string     `json:"dockerImage,omitempty"`
	SpaceID     string     `json:"spaceId,omitempty"`
	Command     []string   `json:"command,omitempty"`
	Arguments   []string   `json:"arguments,omitempty"`
	Flavor      string     `json:"flavor,omitempty"`
	// Environment is the specification's, and what a webhook adds: WEBHOOK_PAYLOAD,
	// WEBHOOK_REPO_ID, WEBHOOK_REPO_TYPE, WEBHOOK_ID, and WEBHOOK_SECRET if the webhook
	// has one (the Hub's documentation).
	Environment map[string]string `json:"environment"`
	Secrets     []string          `json:"secrets,omitempty"` // the names of those that the Job has in its environment, too
}

// startJob notes what a webhook starts for an event. The caller holds mu.
func (h *Hub) startJob(d *delivery) {
	d.State = DeliveryJob
	d.job = &jobStart{id: h.nextID("job"), at: h.now(), spec: d.hook.Job, source: d.hook.JobSourceID}
}

// jobStart is what Jobs makes a Job of: the payload is in memory once.
type jobStart struct {
	id, source string
	at         time.Time
	spec       json.RawMessage
}

// record makes the Job of a delivery.
func (d *delivery) record() (Job, error) {
	j := Job{
		ID: d.job.id, CreatedAt: d.job.at, WebhookID: d.WebhookID, Delivery: d.ID, Kind: d.Kind, Repo: d.Repo.String(), JobSourceID: d.job.source,
	}
	if len(d.job.spec) > 0 {
		if err := json.Unmarshal(d.job.spec, &j); err != nil {
			return j, err
		}
	}
	if j.Environment == nil {
		j.Environment = map[string]string{}
	}
	j.Environment["WEBHOOK_PAYLOAD"] = string(d.Body)
	j.Environment["WEBHOOK_REPO_ID"] = d.Repo.Name
	j.Environment["WEBHOOK_REPO_TYPE"] = string(d.Repo.Type)
	j.Environment["WEBHOOK_ID"] = d.ID
	if d.secret != "" {
		j.Environment["WEBHOOK_SECRET"] = d.secret
	}
	return j, nil
}

// Jobs lists the Jobs that the webhooks of a user have started, oldest first. They
// are kept as deliveries are.
func (h *Hub) Jobs(user string) ([]Job, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	jobs := []Job{}
	for _, d := range h.deliveries {
		if d.job == nil || d.hook.owner != h.account(user) {
			continue
		}
		j, err := d.record()
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// listJobs answers GET /sandbox/jobs. It is not part of the Hub's API.
func (h *Hub) listJobs(w http.ResponseWriter, r *http.Request) {
	jobs, err := h.Jobs(callOf(r).token.user.name)
	if err != nil {
		h.fail(w, http.StatusInternalServerError, "", "Reading a Job back: %v", err)
		return
	}
	answerJSON(w, http.StatusOK, jobs)
}

// jobEntry is the line of the log about a Job.
func (d *delivery) jobEntry() Entry {
	return Entry{Type: EntryJob, Kind: d.Kind, WebhookID: d.WebhookID, Delivery: d.ID}
}
