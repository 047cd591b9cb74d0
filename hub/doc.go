// Package hub speaks the Hugging Face Hub's webhooks API: the client, the
// tokens it needs, the errors it answers with, and the payloads it delivers.
//
// Three decisions shape it. An update on the Hub replaces the whole webhook,
// so Client.UpdateWebhook takes a whole WebhookSpec. The Hub never returns a
// webhook's secret, so callers keep theirs and send it again. And the Hub's
// payloads grow without notice, so ParsePayload never fails on a field that it
// does not know or that has another shape than today: what cannot be read is
// left empty and the bytes stay as they came.
package hub
