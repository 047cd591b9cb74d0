package house

import (
	"fmt"
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
	answer := func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Webhook-Secret") != os.Getenv("WEBHOOK_SECRET") {
			w.WriteHeader(http.StatusForbidden)
		}
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(answer)))
	os.Exit(1)
}
