package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/examples/internal/exampletest"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// attempt is one request as the receiver of a test got it.
type attempt struct {
	number, key, body string
	at                time.Time
}

// startReceiver returns the URL of a receiver that answers with the status codes in turn, of which the
// last repeats, and hands on what it got.
func startReceiver(t *testing.T, codes ...int) (string, <-chan attempt) {
	t.Helper()
	attempts := make(chan attempt, 100)
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := attempt{number: r.Header.Get("Callback-Attempt"), key: r.Header.Get("Idempotency-Key"), at: time.Now()}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.body = string(body)
		attempts <- a
		if code := codes[min(int(count.Add(1)), len(codes))-1]; code/100 == 3 {
			http.Redirect(w, r, "http://example.com/", code)
		} else {
			w.WriteHeader(code)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, attempts
}

func next(t *testing.T, attempts <-chan attempt) attempt {
	t.Helper()
	select {
	case a := <-attempts:
		return a
	case <-time.After(exampletest.Patience):
		t.Fatal("no callback arrives")
		return attempt{}
	}
}

// running is an example that runs, and a client of its queue as another program has it.
type running struct {
	*exampletest.Program
	url    string
	client *queue.Client
}

func start(t *testing.T, scale string) *running {
	t.Helper()
	namespace := redistest.Prefix(t)
	client, err := queue.Config{Namespace: namespace, Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", namespace,
		"--listen", "127.0.0.1:0", "--scale", scale)
	return &running{p, "http://" + p.Address(t), client}
}

func (r *running) request(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (r *running) post(t *testing.T, id, url string) {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"url":%q,"body":{"paid":true}}`, id, url)
	if status, text := r.request(t, http.MethodPost, "/callbacks", body); status != http.StatusAccepted {
		t.Fatal(status, text)
	}
}

// awaitIdle waits until nothing is left that could still be delivered.
func (r *running) awaitIdle(t *testing.T) queue.QueueInfo {
	t.Helper()
	var info queue.QueueInfo
	redistest.Eventually(t, exampletest.Patience, func() bool {
		var err error
		if info, err = r.client.Inspector().Queue(t.Context(), callbackQueue); err != nil {
			t.Fatal(err)
		}
		return info.Delayed+info.Ready+info.Leased+info.Retrying == 0
	}, "nothing left to deliver")
	return info
}

func (r *running) dead(t *testing.T) (list []deadCallback) {
	t.Helper()
	status, text := r.request(t, http.MethodGet, "/dead", "")
	if err := json.Unmarshal([]byte(text), &list); status != http.StatusOK || err != nil {
		t.Fatal(status, err, text)
	}
	return list
}

// follow reads one attempt after each of the waits, checks their numbers and that none is early, and
// that no other comes.
func (r *running) follow(t *testing.T, attempts <-chan attempt, id string, scaled ...time.Duration) queue.QueueInfo {
	t.Helper()
	last := next(t, attempts)
	for i := 0; ; i++ {
		if want := strconv.Itoa(i + 1); last.number != want || last.key != id || last.body != `{"paid":true}` {
			t.Errorf("attempt %s of %s got: %+v", want, id, last)
		}
		if i == len(scaled) {
			break
		}
		a := next(t, attempts)
		// dueq counts in whole milliseconds.
		if took := a.at.Sub(last.at); took < scaled[i]-time.Millisecond {
			t.Errorf("attempt %s after %v, want %v", a.number, took, scaled[i])
		}
		last = a
	}
	info := r.awaitIdle(t)
	if len(attempts) > 0 {
		t.Errorf("%d attempts too many", len(attempts))
	}
	return info
}

// TestTwoFailures: attempts at 0, 2 and 12 minutes, and none after the success.
func TestTwoFailures(t *testing.T) {
	t.Parallel()
	const minute = time.Minute / 240
	r := start(t, "240")
	url, attempts := startReceiver(t, http.StatusBadGateway, http.StatusFound, http.StatusNoContent)
	r.post(t, "order-1", url)
	r.post(t, "order-1", url) // a request repeated is one callback
	info := r.follow(t, attempts, "order-1", 2*minute, 10*minute)
	if info.Dead != 0 || info.Counts["retry"] != 2 {
		t.Errorf("%+v", info)
	}
}

func TestWholeTable(t *testing.T) {
	t.Parallel()
	const minute = time.Minute / 60_000
	const hour = 60 * minute
	r := start(t, "60000")
	url, attempts := startReceiver(t, http.StatusInternalServerError)
	r.post(t, "order-1", url)
	r.follow(t, attempts, "order-1", 2*minute, 10*minute, 10*minute, hour, 2*hour, 6*hour, 15*hour)
	dead := r.dead(t)
	if len(dead) != 1 || dead[0].ID != "order-1" || dead[0].URL != url || dead[0].Attempts != 8 ||
		dead[0].Reason != queue.ReasonExhausted || !strings.Contains(dead[0].Error, "500") {
		t.Errorf("dead: %+v", dead)
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	r := start(t, "60000")
	url, attempts := startReceiver(t, http.StatusGone)
	r.post(t, "order-1", url)
	r.follow(t, attempts, "order-1")
	if dead := r.dead(t); len(dead) != 1 || dead[0].Reason != queue.ReasonRejected || !strings.Contains(dead[0].Error, "410") {
		t.Errorf("dead: %+v", dead)
	}
	r.Await(t, "given up")
}

// TestForeignHost hands in a URL that is not allowed, over HTTP and past it.
func TestForeignHost(t *testing.T) {
	t.Parallel()
	r := start(t, "60000")
	if dead := r.dead(t); len(dead) != 0 {
		t.Errorf("dead in an empty queue: %+v", dead)
	}
	for name, body := range map[string]string{
		"another host":   `{"url":"http://example.com/","body":1}`,
		"another scheme": `{"url":"file:///etc/passwd","body":1}`,
		"no URL":         `{"body":1}`,
		"no JSON":        `url=http://127.0.0.1/`,
		"unknown field":  `{"url":"http://127.0.0.1/","method":"DELETE"}`,
		"ID of no form":  `{"url":"http://127.0.0.1/","id":"a b"}`,
		"too large":      `{"url":"http://127.0.0.1/","body":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		if status, text := r.request(t, http.MethodPost, "/callbacks", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if _, err := r.client.Enqueue(t.Context(), queue.Job{
		Queue: callbackQueue, Kind: callbackKind, Payload: []byte(`{"url":"http://example.com/","body":1}`),
	}); err != nil {
		t.Fatal(err)
	}
	r.awaitIdle(t)
	if dead := r.dead(t); len(dead) != 1 || !strings.Contains(dead[0].Error, "--hosts") {
		t.Errorf("dead: %+v", dead)
	}
}

// TestDemoReceivers is what the doc comment says to try.
func TestDemoReceivers(t *testing.T) {
	t.Parallel()
	r := start(t, "6000")
	r.post(t, "flaky", r.url+"/demo/flaky")
	r.post(t, "gone", r.url+"/demo/gone")
	r.Await(t, "path=/demo/flaky attempt=3 answers=200")
	r.awaitIdle(t)
	if dead := r.dead(t); len(dead) != 1 || dead[0].ID != "gone" {
		t.Errorf("dead: %+v", dead)
	}
}

// TestSilentConnection: a connection on which nothing is asked, as browsers keep in reserve, does not make the
// end of the program an error.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	start(t, "60000").StopBesideSilence(t)
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--scale", "0"}, {"--scale", "NaN"}, {"now"}, {"--redis", "mysql://x"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
