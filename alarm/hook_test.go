package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dueq-io/dueq/queue"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// target is a server that is posted to.
type target struct {
	*httptest.Server
	mu     sync.Mutex
	header http.Header
	body   []byte
	posts  int
}

func newTarget(t *testing.T, answer http.HandlerFunc) *target {
	t.Helper()
	s := &target{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.header, s.body = r.Header, body
		s.posts++
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); s.Close() })
	return s
}

// last is what was posted last, and how many posts there were.
func (s *target) last() (header http.Header, body []byte, posts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header, s.body, s.posts
}

// message is one of queue sms.
func message(event Event) *Message {
	i := Incident{
		ID: "ABC", Rule: Rule{Name: "oldest-ready", Signal: OldestReady, Queues: "*", Above: 300, Clear: 240, For: time.Minute},
		Queue: "sms", Since: noon, Opened: noon.Add(time.Minute), Value: 372, Peak: 400,
	}
	m := &Message{ID: "ABC-" + string(event), Event: event, Incident: i, Namespace: "dueq", URL: "https://ops.example/dueq/queue?name=sms"}
	if event == Ended {
		m.Incident.Ended = noon.Add(12 * time.Minute)
	}
	m.Facts = Facts{At: noon.Add(2 * time.Minute), Workers: 2, Slots: 20, Busy: 20, Redis: queue.ServerInfo{Used: 50 << 20, Limit: 100 << 20}}
	m.Facts.Queue = queue.QueueInfo{Name: "sms", Ready: 15520, Leased: 20, Dead: 17, OldestReady: 372 * time.Second, Delayed: 12004, Retrying: 640}
	m.Facts.Recent = queue.Activity{From: noon, To: noon.Add(time.Minute)}
	m.Facts.Recent.Enqueued, m.Facts.Recent.Done = 4860, 2400
	return m
}

func TestWebhookIsSignedAndReadable(t *testing.T) {
	t.Parallel()
	s := newTarget(t, nil)
	sender, err := NewWebhook(WebhookConfig{URL: s.URL, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	verify, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []Event{Opened, Ended} {
		if err := sender.Send(t.Context(), message(event)); err != nil {
			t.Fatal(err)
		}
		header, sent, _ := s.last()
		if err := verify.Verify(sent, header); err != nil {
			t.Error(err)
		}
		if id := header.Get("Webhook-Id"); id != "ABC-"+string(event) {
			t.Errorf("id %q", id)
		}
		var body WebhookBody
		if err := json.Unmarshal(sent, &body); err != nil {
			t.Fatal(err)
		}
		d := body.Data
		if body.Type != "alarm."+string(event) || d.Queue != "sms" || d.Value != 372 || d.Limit != 300 || *d.Depth != 15520 || *d.Workers != 2 || (d.Ended != nil) != (event == Ended) {
			t.Errorf("%s", sent)
		}
	}
}

// The vector is that of the specification of Standard Webhooks.
func TestWebhookSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	sign, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sign.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	s := newTarget(t, nil)
	sender, err := NewSlack(SlackConfig{URL: s.URL + "/services/T0/B0/secret"})
	if err != nil {
		t.Fatal(err)
	}
	m := message(Opened)
	m.Namespace = "<!channel>&"
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var body struct{ Text string }
	_, sent, _ := s.last()
	if err := json.Unmarshal(sent, &body); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"&lt;!channel&gt;&amp;/sms", "15520 ready", "20 of 20 slots", "<https://ops.example/dueq/queue?name=sms>"} {
		if !strings.Contains(body.Text, words) {
			t.Errorf("no %q in %q", words, body.Text)
		}
	}
}

// A hook is posted to once, whatever it answers, and what it answers is bounded.
func TestHookAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := newTarget(t, nil)
	for want, answer := range map[string]http.HandlerFunc{
		"":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"answered 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirects are not followed": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"post: ":                      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"server response headers exc": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
	} {
		s := newTarget(t, answer)
		sender, err := NewSlack(SlackConfig{URL: s.URL + "/secret"})
		if err != nil {
			t.Fatal(err)
		}
		err = sender.Send(t.Context(), message(Opened))
		_, _, posts := s.last()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || posts != 1 {
			t.Errorf("%d posts, %v; want %q", posts, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the URL: %v", err)
		}
	}
	if _, _, posts := elsewhere.last(); posts > 0 {
		t.Error("a redirect was followed")
	}
}

// An answer without an end does not hold the sender up.
func TestHookReadsSoMuchOnly(t *testing.T) {
	t.Parallel()
	s := newTarget(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	sender, err := NewSlack(SlackConfig{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), message(Opened)); err != nil {
		t.Error(err)
	}
}

func TestHookTimesOut(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newTarget(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	sender, err := NewWebhook(WebhookConfig{URL: s.URL, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := sender.Send(ctx, message(Opened)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestHookRefusals(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "ops.example", "ftp://ops.example", "http://", "http://[::1"} {
		if _, err := NewSlack(SlackConfig{URL: url}); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, secret := range []string{"", "whsec_###"} {
		if _, err := NewWebhook(WebhookConfig{URL: "https://ops.example", Secret: secret}); !errors.Is(err, queue.ErrInvalid) || strings.Contains(err.Error(), "###") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
