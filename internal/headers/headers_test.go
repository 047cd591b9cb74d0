package headers_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/internal/headers"
)

func TestHeadersOfAConnectionAreNotPassedOn(t *testing.T) {
	came := http.Header{
		"Connection": {"keep-alive, X-Hop", "x-other"}, "X-Hop": {"1"}, "X-Other": {"2"}, "Keep-Alive": {"timeout=5"}, "Proxy-Connection": {"keep-alive"},
		"Proxy-Authorization": {"Basic eA=="}, "Proxy-Authenticate": {"Basic"}, "Proxy-Authentication-Info": {"x"}, "proxy-authorization": {"Basic eA=="},
		"Te": {"trailers"}, "Trailer": {"X"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"},
		"Host": {"h"}, "Content-Length": {"1"}, "Expect": {"100-continue"},
		"X-Many": {"1", "2"}, "Proxy-Like": {"kept"},
	}
	want := http.Header{"X-Many": {"1", "2"}, "Proxy-Like": {"kept"}}
	if diff := cmp.Diff(want, headers.Onward(came)); diff != "" {
		t.Errorf("passed on (-want +got):\n%s", diff)
	}
	if len(came["Connection"]) != 2 || len(came) != 18 {
		t.Errorf("the header that came is changed: %v", came)
	}
	if got := headers.Onward(nil); got == nil || len(got) != 0 {
		t.Errorf("of no header: %v", got)
	}
}
