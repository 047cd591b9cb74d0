package sandbox

// Modes are the behaviours that the Hub's documentation does not specify. The zero
// value is what the Hub is most likely to do.
type Modes struct {
	// UpdateKeepsSecret: an update without a secret keeps the present one
	// rather than clearing it.
	UpdateKeepsSecret bool
	// DeleteUnknownIs400: DELETE of a webhook that is not there, or is another
	// account's, answers 400 rather than 404.
	DeleteUnknownIs400 bool
	// ContentTypeCharset: deliveries come as "application/json; charset=utf-8"
	// rather than "application/json".
	ContentTypeCharset bool
	// ReadTokenMayWrite: a token of the role read may create, change and delete
	// webhooks rather than getting a 403.
	ReadTokenMayWrite bool
	// WriteNeedsRead: a fine-grained token needs user.webhooks.read to see
	// webhooks even when it has user.webhooks.write.
	WriteNeedsRead bool
	// RefuseHTTP: the URL of a webhook has to be https.
	RefuseHTTP bool
	// Invalid422: a body with wrong values answers 422 rather than 400.
	Invalid422 bool
	// RetryToFirstURL: retries go to the URL and with the secret that the
	// webhook had when the event happened, rather than to its present ones.
	// Replays go to the present ones in either mode.
	RetryToFirstURL bool
	// ErrorForm is the form of the bodies of errors.
	ErrorForm ErrorForm
}

// ErrorForm is one of the forms that bodies of the Hub's errors have. The
// headers X-Error-Code and X-Error-Message come with each.
type ErrorForm int

// The forms of errors.
const (
	ErrorString      ErrorForm = iota // {"error":"m"}
	ErrorList                         // {"error":["m"]}
	ErrorDescription                  // {"error":"code","error_description":"m"}
	ErrorObjects                      // {"errors":[{"message":"m"}]}
	ErrorText                         // m, as text/plain
	ErrorHTML                         // a page, as proxies in front of the Hub answer
)
