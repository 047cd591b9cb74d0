package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// rateWindow is the fixed window that the Hub counts calls in.
const rateWindow = 5 * time.Minute

// window counts the calls of one account.
type window struct {
	ends         time.Time
	calls, asked int // all API calls; whoami among them
}

// withinLimit counts a call, and sets the headers with the number of calls that are
// left. It answers 429 and reports false when there are none. What the sandbox adds
// to the Hub's API is not counted.
func (h *Hub) withinLimit(w http.ResponseWriter, r *http.Request, user *account) bool {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return true
	}
	h.mu.Lock()
	now := h.cfg.Now()
	win := h.windows[user.id]
	if win == nil || !now.Before(win.ends) {
		win = &window{ends: now.Add(rateWindow)}
		h.windows[user.id] = win
	}
	win.calls++
	quota, used := h.cfg.RateLimit, win.calls
	if r.URL.Path == "/api/whoami-v2" {
		win.asked++
		if h.cfg.WhoamiLimit < quota {
			quota, used = h.cfg.WhoamiLimit, win.asked
		}
	}
	seconds := int(math.Ceil(win.ends.Sub(now).Seconds()))
	h.mu.Unlock()
	if quota == math.MaxInt {
		return true
	}
	w.Header().Set("RateLimit", fmt.Sprintf(`"api";r=%d;t=%d`, max(quota-used, 0), seconds))
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"fixed window";"api";q=%d;w=%d`, quota, int(rateWindow.Seconds())))
	if used <= quota {
		return true
	}
	w.Header().Set("Retry-After", itoa(seconds))
	h.fail(w, http.StatusTooManyRequests, "", "We had to rate limit you: %d calls in 5 minutes. Retry in %d seconds.", quota, seconds)
	return false
}
