// Package webhooks is a server for handlers of Hugging Face Hub webhooks: the
// Go counterpart of WebhooksServer and webhook_endpoint in huggingface_hub.
//
// A [Handler] is a function that gets a [Delivery]. [HandleFunc] registers it
// under its own name, and [Run] serves it until the program is stopped:
//
//	// triggerTraining is served at POST /webhooks/trigger_training.
//	func triggerTraining(ctx context.Context, d *webhooks.Delivery) (any, error) {
//		commit, pushed := d.PushedTo("main")
//		if !pushed {
//			return nil, nil // a tag, another branch or a pull request
//		}
//		return map[string]string{"commit": commit}, train(ctx, d.Repo.Name, commit)
//	}
//
//	func main() {
//		webhooks.HandleFunc(triggerTraining, webhooks.Match("repo.content.update,dataset:*"))
//		if err := webhooks.Run(context.Background()); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// [New] makes a [Server], which has the same methods and is an [http.Handler]. Use it if
// the secret does not come from the environment, for a page at /, or inside a larger
// server. [Registered] makes one with the handlers that were registered before.
//
// # Payloads
//
// Every [Delivery] has Event, Repo and Webhook. What else it has depends on its
// Kind, and d.Raw is always the whole body:
//
//	repo.create, repo.update, repo.delete
//	repo.move                              MovedTo
//	repo.content.update                    UpdatedRefs; UpdatedFiles for a bucket
//	repo.config.update                     UpdatedConfig
//	discussion.create                      Discussion, Comment
//	discussion.update, discussion.delete   Discussion
//	discussion.comment.create              Discussion, Comment
//	discussion.comment.update              Discussion, Comment
//
// A pull request is a discussion. A new one also causes a repo.content.update of
// refs/pr/N. A hidden comment has no Content. The Hub adds fields, scopes, actions and
// repo types without notice, so unknown ones are accepted. A field with an unexpected
// type of value is left empty.
//
// # Answers
//
// An answer that is not 2xx is a failed delivery. The Hub retries it, with longer and
// longer pauses. In the end it suspends the webhook and notifies its owner. A
// webhook may be triggered 1,000 times in 24 hours. Deliveries arrive in no particular
// order, and the same one may arrive twice.
//
//	200  what the handler returned, as JSON; {"accepted":true} with AnswerFirst;
//	     {"ignored":"why"} if Match or DropRepeats kept it from the handler
//	400  the body is not a JSON object
//	401  the secret is missing
//	403  the secret is wrong, or a web page of another site sent the request
//	404  no such endpoint
//	405  not a POST
//	408  the body came too slowly
//	413  the body is larger than Config.MaxBody
//	415  the body is compressed
//	500  the handler returned an error or panicked; why is only in the log
//	503  the queue of AnswerFirst is full, or the server is stopping
//
// The content type of a request is ignored.
//
// # Slow handlers and repeated deliveries
//
// By default the sender waits until the handler returns. The context of the handler ends
// when the sender closes the connection or the server stops. Use [AnswerFirst] for a
// handler that takes more than some seconds, and [DropRepeats] for one that must not
// handle an event twice.
//
// If a handler writes to a repository that its webhook watches, it causes further
// deliveries. It should ignore those of its own account, for example by
// d.Comment.Author.ID.
//
// # The secret
//
// The secret is [Config].Secret, else the environment variable WEBHOOK_SECRET. It must
// be the one in the webhook's settings on the Hub, which sends it in the header
// X-Webhook-Secret. It may also be in the webhook's URL, as "?secret=". Without a
// secret, everyone who reaches the server can call its handlers; the message at the
// start and the page at / show that.
//
// # Addresses
//
// [Server.Run] listens on 127.0.0.1:7860, which the Hub cannot reach. During
// development, "hf-tap listen --forward 7860/webhooks/NAME" forwards deliveries to it,
// or package webhooks/dev runs the same handlers with a tunnel. The environment variable
// PORT changes the port.
//
// In a Space, where SPACE_ID is set, it listens on all addresses, and SPACE_HOST is the
// public name. A Space on free hardware sleeps after 48 hours without visitors, and
// misses deliveries then.
package webhooks
