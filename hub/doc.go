// Package hub is a client of the Hugging Face Hub's webhooks API, with the tokens
// that it needs and the payloads that the Hub delivers.
//
// # Managing webhooks
//
// [FindToken] finds the user's token where huggingface_hub does, and [FromEnv]
// reads HF_ENDPOINT and its like. [NewClient] makes a [Client]:
//
//	create            [Client.CreateWebhook] with a [WebhookSpec]
//	list, look        [Client.ListWebhooks], [Client.GetWebhook]
//	change a part     [Client.ModifyWebhook]: reads, changes, sends the whole
//	replace           [Client.UpdateWebhook]
//	stop, start       [Client.DisableWebhook], [Client.EnableWebhook]
//	delete            [Client.DeleteWebhook]
//	deliver again     [Client.ReplayDelivery]
//	whose token?      [Client.WhoAmI], [Identity.CanWriteWebhooks]
//
// A webhook watches repos, users and organizations ([Watch], [ParseWatch]) in one
// or both domains ([Domains]), and calls a URL or starts a Job. It belongs to the
// token's user. Too many failed deliveries suspend it ([StateSuspended]) until
// EnableWebhook.
//
// An update on the Hub replaces the whole webhook, and the Hub never returns a
// secret: whoever updates a webhook has to keep its secret and send it again.
// What the Hub returns of a Job is not all of it, so that [Webhook.Spec] leaves it
// out.
//
// # Errors
//
// Each call ends with an [*Error], which errors.Is compares with [ErrNotFound] and
// its like. A Client tries again what can be tried again without harm, with
// pauses; see [ClientConfig] for how often and how long. After an error,
// [OutcomeUnknown] reports whether the Hub may have carried the call out
// nevertheless: look for a webhook with [Client.ListWebhooks] before creating it
// a second time.
//
// Messages are kept as the network sent them, with the token and the secret
// masked: make them printable before they reach a terminal.
//
// # Payloads
//
// [ParsePayload] reads the body of a delivery into a [Payload]. The Hub's payloads
// grow without notice, so that it never fails on a field that it does not know or
// that has another shape than today: what cannot be read is left empty, and
// Payload.Raw has the bytes. [ParseHead] reads only what a delivery is about, and
// is much faster. [Scope], [Action], [RepoType] and [Domain] have constants for what
// the Hub documents, and hold every other text, too;
// [PayloadEvent.Documented] returns the documented event that a newer one counts
// as.
//
// Package webhooks, beside this one, is a server for handlers of deliveries.
package hub
