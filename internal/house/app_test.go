package house

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// beTheApp is the variable that makes this test's program an app under
// development.
const beTheApp = "HOUSE_TEST_BE_THE_APP"

func TestMain(m *testing.M) {
	if os.Getenv(beTheApp) == "" {
		if err := os.Chdir("../.."); err != nil { // paths are those of the repository
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	if os.Getenv("WEBHOOK_SECRET") == "" {
		fmt.Fprintln(os.Stderr, "no secret")
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handlerWithSecret(os.Getenv("WEBHOOK_SECRET"))))
	os.Exit(1)
}

// handlerWithSecret takes deliveries that carry a secret, as a good handler does.
func handlerWithSecret(secret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var payload map[string]any
		switch {
		case req.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case req.Header.Get("X-Webhook-Secret") != secret:
			w.WriteHeader(http.StatusForbidden)
		case err != nil || json.Unmarshal(body, &payload) != nil:
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}
