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
// token's user. After too many failed deliveries the Hub suspends it
// ([StateSuspended]); EnableWebhook ends that.
//
// An update replaces the whole webhook, and the Hub never returns a secret. So keep the
// secret, and send it with each update. The Hub returns only parts of a Job, and
// [Webhook.Spec] leaves it out.
//
// # Errors
//
// The error of a call is an [*Error]; its kind is one of [ErrNotFound] and the
// other Err variables, for errors.Is. A Client retries calls that can be sent
// twice without harm, with pauses: see [ClientConfig]. After an error,
// [OutcomeUnknown] reports whether the call may have taken effect. If so, look for the
// webhook with [Client.ListWebhooks] before you create it a second time.
//
// In messages of the Hub, the token and the secret are masked, and nothing else is
// changed. Make them printable before you write them to a terminal.
//
// # Payloads
//
// [ParsePayload] reads the body of a delivery into a [Payload]. The Hub adds fields
// without notice: unknown fields are ignored, fields of an unexpected shape are
// left empty, and Payload.Raw has all bytes. [ParseHead] reads only the event, the
// repo and the webhook, and is much faster. [Scope], [Action], [RepoType] and
// [Domain] have constants for what the Hub documents, and can have other values;
// [PayloadEvent.Documented] returns the documented event that a newer one counts
// as.
//
// Package webhooks, beside this one, is a server for handlers of deliveries.
package hub
