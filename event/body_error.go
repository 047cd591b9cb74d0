package event

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of the search for an error in an answer.
const (
	maxErrorBody = 64 << 10 // a longer answer does not count as an error
	maxBodyError = 200      // bytes of what BodyError returns, about
)

// BodyError returns the error in the body of a 2xx answer, "" if there is none: a JSON
// object with "error" or "errors", with a "status" of "error" or above 399, or
// FastAPI's "detail"; or the list [body, status] that FastAPI makes of a returned pair.
// The sender takes such an answer for success. It is empty for every other answer, and
// for a command.
func (a *Attempt) BodyError() string {
	body := bytes.TrimSpace(a.Body)
	if !a.OK() || a.Status == 0 || a.BodyCut || len(body) > maxErrorBody || len(body) == 0 || body[0] != '{' && body[0] != '[' {
		return ""
	}
	var answer any
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	says := ""
	switch answer := answer.(type) {
	case map[string]any:
		says = errorIn(answer)
	case []any:
		if len(answer) == 2 && isErrorStatus(answer[1]) {
			says = errorOfPair(answer[0])
		}
	}
	says = strings.Join(strings.Fields(says), " ")
	if len(says) > maxBodyError {
		says = strings.ToValidUTF8(says[:maxBodyError], "") + "…"
	}
	return says
}

// errorOfPair returns the part of a returned pair before its status.
func errorOfPair(answer any) string {
	switch answer := answer.(type) {
	case map[string]any:
		if says := errorIn(answer); says != "" {
			return says
		}
		return compact(answer)
	case string:
		return answer
	}
	return "" // two numbers, for example, are no pair
}

// errorIn returns the error that an object states, empty if it states none.
func errorIn(answer map[string]any) string {
	for _, key := range []string{"error", "errors"} {
		if says := stated(answer[key]); says != "" {
			return says
		}
	}
	status, _ := answer["status"].(string)
	switch failed := []string{"error", "failed", "failure"}; {
	case slices.Contains(failed, strings.ToLower(status)), isErrorStatus(answer["status"]), isErrorStatus(answer["statusCode"]):
		for _, key := range []string{"message", "msg", "reason", "detail"} {
			if says := stated(answer[key]); says != "" {
				return says
			}
		}
		return compact(answer)
	}
	if detail, ok := answer["detail"]; ok && len(answer) == 1 {
		return errorInDetail(detail)
	}
	return ""
}

// stated returns the text of an "error" that is one: null, false, 0, an empty
// value and "none" say that there is no error.
func stated(value any) string {
	switch value := value.(type) {
	case string:
		if slices.Contains([]string{"none", "null", "false", "no", "0", "ok"}, strings.ToLower(strings.TrimSpace(value))) {
			return ""
		}
		return value
	case bool:
		if !value {
			return ""
		}
	case float64:
		if value == 0 {
			return ""
		}
	case map[string]any:
		if message, _ := value["message"].(string); message != "" {
			return message
		}
		if len(value) == 0 {
			return ""
		}
	case []any:
		if len(value) == 0 {
			return ""
		}
	default: // null, or no such key
		return ""
	}
	return compact(value)
}

// errorInDetail returns the error in FastAPI's "detail". A handler may also write
// there what it did, so that only what FastAPI itself writes counts: the phrase of an
// error's status, or the list of what is wrong with a request.
func errorInDetail(detail any) string {
	switch detail := detail.(type) {
	case string:
		for status := 400; status < 600; status++ {
			if phrase := http.StatusText(status); phrase != "" && strings.EqualFold(phrase, strings.TrimSpace(detail)) {
				return detail
			}
		}
		if strings.EqualFold(detail, "not authenticated") {
			return detail
		}
	case []any:
		for _, fault := range detail {
			f, ok := fault.(map[string]any)
			if !ok || f["loc"] == nil || f["msg"] == nil {
				return ""
			}
		}
		if len(detail) > 0 {
			return compact(detail)
		}
	}
	return ""
}

func isErrorStatus(value any) bool {
	status, ok := value.(float64)
	return ok && http.StatusText(int(status)) != "" && float64(int(status)) == status && status >= 400
}

func compact(value any) string {
	b, err := json.Marshal(value)
	if err != nil || !utf8.Valid(b) {
		return "an error"
	}
	return string(b)
}
