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
// Programs that need a secret from elsewhere, a page of their own or a place in
// a larger server make a [Server] with [New]: it is an [http.Handler], and has
// the same methods. [Registered] makes one of the handlers that are registered
// already.
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
// A pull request is a discussion, and opening one is a repo.content.update of
// refs/pr/N, too. A hidden comment has no Content. Fields, scopes, actions and
// repo types that this package does not know are accepted, because the Hub adds
// new ones without notice; a field of an unexpected shape is left empty.
//
// # Answers
//
// The Hub regards every answer outside 2xx as a failed delivery: it delivers
// again, later and later, and in the end suspends the webhook and writes to its
// owner. A webhook may be triggered 1,000 times in 24 hours. Deliveries come in
// no particular order, and the same one may come twice.
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
// By default a handler works before the answer, and the sender waits. The
// context of the handler ends when the sender hangs up or the server stops.
// Handlers that take more than some seconds should use [AnswerFirst], and those
// for which the same event twice is a mistake should use [DropRepeats].
//
// A handler that writes to a repository which its webhook watches causes further
// deliveries: let it ignore those of its own account, for example by
// d.Comment.Author.ID.
//
// # The secret
//
// The secret is [Config].Secret, else the environment variable WEBHOOK_SECRET.
// It must be the one in the webhook's settings on the Hub, which sends it in the
// header X-Webhook-Secret. It may also be in the webhook's URL, as "?secret=".
// Without a secret, everyone who reaches the server can call its handlers; the
// message at the start and the page at / say so.
//
// # Addresses
//
// [Server.Run] listens on 127.0.0.1:7860, which the Hub cannot reach: during
// development, "hf-tap listen --forward 7860/webhooks/NAME" brings deliveries
// there, or package webhooks/dev runs the same handlers with a tunnel. The environment variable PORT changes the port. In a Space, which is
// known by SPACE_ID, it listens on all addresses, and SPACE_HOST is the public
// name. A Space on free hardware sleeps after 48 hours without visitors, and
// misses deliveries then.
package webhooks
