package history

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// TestAFileOfVersion1IsStillRead opens what the first version wrote; the
// fixture is not changed when the schema is.
func TestAFileOfVersion1IsStillRead(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "v1.sql"))
	must(t, err)
	path := filepath.Join(t.TempDir(), "history.db")
	alter(t, path, string(script))
	s := openAt(t, path, Config{})
	want := &event.Event{
		N: 2, Rev: 5, Session: "5e55", Source: event.SourceHub, WebhookID: "65a1f0c2d4e5b6a7c8d9e0f1", Delivery: "msg_1",
		DeliveryN: 2, Kind: "repo.content.update", Repo: hub.Watch{Type: "model", Name: "me/m"},
		ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Verdict: event.VerdictOK, Method: "POST", Path: "/hf-tap/0123",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Odd": {"\xff", "é"}}, Size: 7, Body: []byte("\x00\xff body"),
		Phase: event.PhasePending, Targets: []string{"http://127.0.0.1:7860"}, Answer: event.Answer{Status: 200, Duration: 1500},
		Attempts: []event.Attempt{{
			N: 1, Target: "http://127.0.0.1:7860", StartedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), Duration: 2500,
			Status: 500, Err: "the body broke off", Header: http.Header{"Server": {"uvicorn"}}, Body: []byte("oops"), BodyCut: true,
		}},
	}
	if diff := cmp.Diff(want, get(t, s, 2)); diff != "" {
		t.Errorf("the event (-want +got):\n%s", diff)
	}
	states := []Change{{Rev: 3, State: &event.State{
		Rev: 3, Session: "5e55", At: time.Date(2026, 1, 2, 3, 4, 5, 7, time.UTC), Subject: event.SubjectTunnel,
		Name: "https://t.example", State: "down", Detail: "reset",
	}}}
	if diff := cmp.Diff(states, since(t, s, "5e55", 2, 1)); diff != "" {
		t.Errorf("the state (-want +got):\n%s", diff)
	}
	sessions, err := s.Sessions(t.Context(), 0)
	must(t, err)
	session := []Session{{
		ID: "5e55", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), EndedAt: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC), PID: 42,
		Endpoint: "https://huggingface.co", User: "me", URL: "https://t.example/hf-tap/0123", Events: 2,
	}}
	if diff := cmp.Diff(session, sessions); diff != "" {
		t.Errorf("the session (-want +got):\n%s", diff)
	}
	next := keep(t, s, &event.Event{Source: event.SourceHub, Verdict: event.VerdictOK, WebhookID: want.WebhookID, Delivery: "msg_1"})
	if next = get(t, s, next.N); next.N != 3 || next.Rev != 6 || next.DeliveryN != 3 {
		t.Errorf("the next event has n %d, rev %d, arrival %d", next.N, next.Rev, next.DeliveryN)
	}
	sound(t, s)
	if diff := cmp.Diff(schema(t, open(t)), schema(t, s)); diff != "" {
		t.Errorf("the schema is not that of a new file (-new +old):\n%s", diff)
	}
}

// schema gives the statements that would make the tables and indexes.
func schema(t *testing.T, s *Store) map[string]string {
	t.Helper()
	rows, err := s.readers.db.QueryContext(t.Context(), "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
	must(t, err)
	defer rows.Close()
	statements := map[string]string{}
	for rows.Next() {
		var name, text string
		must(t, rows.Scan(&name, &text))
		statements[name] = text
	}
	must(t, rows.Err())
	return statements
}

// migrateFile runs migrate on a file that nobody has open.
func migrateFile(t *testing.T, path string, steps []string) (reached int, err error) {
	t.Helper()
	db, err := sql.Open("sqlite", address(path, "rw"))
	must(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	err = migrate(t.Context(), conn, steps)
	must(t, conn.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&reached))
	return reached, err
}

func TestMigrationsHappenWhollyOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	fill(t, path)
	broken := append(steps[:len(steps):len(steps)], "ALTER TABLE events ADD COLUMN note TEXT", "DROP TABLE bodies; no such statement")
	if reached, err := migrateFile(t, path, broken); err == nil || reached != len(steps) || !strings.Contains(err.Error(), "step to version") {
		t.Fatalf("a step that fails leaves version %d: %v", reached, err)
	}
	if s := openAt(t, path, Config{}); len(get(t, s, 1).Body) != 1000 {
		t.Error("the body of an event is lost")
	} else if _, err := s.readers.db.ExecContext(t.Context(), "SELECT note FROM events"); err == nil {
		t.Error("half of the migration is left")
	} else {
		must(t, s.Close())
	}
	whole := append(broken[:len(steps)+1:len(steps)+1], "UPDATE events SET note = kind")
	for range 2 { // the second time there is nothing to do
		if reached, err := migrateFile(t, path, whole); err != nil || reached != len(whole) {
			t.Fatalf("version %d: %v", reached, err)
		}
	}
	// What this version makes of it is ErrNewer.
	if _, err := Open(t.Context(), path); !strings.Contains(err.Error(), ErrNewer.Error()) {
		t.Errorf("Open: %v", err)
	}
}
