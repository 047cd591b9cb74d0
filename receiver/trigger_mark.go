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

// TriggerMark is the value of the header Hf-Tap-Trigger, by which a caller who knows
// Config.LocalKey marks a delivery that it sends to the public address: the event's
// Source is then SourceTrigger, and the header Hf-Tap-Event of the answer is its
// number. The key itself would be seen by whoever runs the tunnel; the mark holds
// for one Webhook-Id, and spares nobody the secret.
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
