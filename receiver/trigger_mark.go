package receiver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// headerMark is the header of a delivery at the public address that a caller who
// knows Config.LocalKey sends. See [TriggerMark].
const headerMark = "Hf-Tap-Trigger"

// TriggerMark returns the value of the header Hf-Tap-Trigger. A caller that knows
// Config.LocalKey sends it with a delivery to the public address. The event's Source is
// then SourceTrigger, and the header Hf-Tap-Event of the answer is the event's number.
//
// The mark is valid for one Webhook-Id only, and the delivery needs the secret as well.
// The key itself is not sent, because the operator of the tunnel would see it.
func TriggerMark(localKey, delivery string) string {
	mac := hmac.New(sha256.New, []byte(localKey))
	mac.Write([]byte("hf-tap trigger\n" + delivery))
	return hex.EncodeToString(mac.Sum(nil))
}

// isMarked reports whether a delivery has a valid TriggerMark.
func (r *Receiver) isMarked(h http.Header) bool {
	mark := h.Get(headerMark)
	return mark != "" && r.config.LocalKey != "" && hmac.Equal([]byte(mark), []byte(TriggerMark(r.config.LocalKey, h.Get("Webhook-Id"))))
}
