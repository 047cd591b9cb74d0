package eventtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/eventtest"
	"github.com/hf-tap/hf-tap/hub"
)

// handler is what is tested: it checks the secret, and greets new discussions.
func handler(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Webhook-Secret") != eventtest.Secret {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	fmt.Fprint(w, "thank you")
}

func ExampleNewServer() {
	hook := eventtest.NewServer(http.HandlerFunc(handler))
	defer hook.Close()
	answer, err := hook.Send(context.Background(), eventtest.Delivery{Kind: event.KindDiscussionCreate})
	fmt.Println(answer.Status, string(answer.Body), err)

	wrong := eventtest.Delivery{Header: http.Header{"X-Webhook-Secret": {"wrong"}}}
	answer, err = hook.Send(context.Background(), wrong)
	fmt.Println(answer.Status, answer.OK(), err)
	// Output:
	// 200 thank you <nil>
	// 403 false <nil>
}

func ExampleAll() {
	hook := eventtest.NewServer(http.HandlerFunc(handler))
	defer hook.Close()
	for _, d := range eventtest.All() {
		answer, err := hook.Send(context.Background(), d)
		if err != nil || !answer.OK() {
			fmt.Println(d, answer.Status, err)
		}
	}
	fmt.Println("the handler takes whatever the Hub may send")
	// Output: the handler takes whatever the Hub may send
}

func ExampleDelivery_Request() {
	hidden := eventtest.Delivery{
		Kind: event.KindDiscussionCommentUpdate,
		Repo: hub.Repo{Type: hub.RepoTypeSpace, Name: "me/app"},
		Change: func(p *hub.Payload) {
			p.Comment.Hidden, p.Comment.Content = true, nil
		},
	}
	req, err := hidden.Request(context.Background(), "/webhooks/bot")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	http.HandlerFunc(handler).ServeHTTP(answer, req)
	fmt.Println(hidden, answer.Code)
	// Output: discussion.comment.update of space:me/app 200
}
