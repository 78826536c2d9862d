package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestWorkerPost(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	var mu sync.Mutex
	seen := map[string]*http.Request{}
	bodies := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("Dueq-Job-Id")
		mu.Lock()
		seen[id], bodies[id] = r, string(body)
		mu.Unlock()
		switch id {
		case "done":
			w.WriteHeader(http.StatusAccepted)
		case "dead":
			http.Error(w, "no such order", http.StatusUnprocessableEntity)
		case "later":
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			http.Error(w, strings.Repeat("x", 10<<20), http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	for _, id := range []string{"done", "dead", "later", "moved", "broken"} {
		enqueueAll(t, c, queue.Job{
			Queue: "q", Kind: "order paid", ID: id, Payload: []byte(`{"a":1}`), Retain: time.Hour,
			Backoff: []time.Duration{time.Minute}, Headers: map[string]string{"X-Tenant": "t", "host": "evil", "dueq-job-id": "forged"},
		})
	}
	d := background(t, p.args("worker", "--queue", "q", "--post", server.URL+"/hook?token=s3cret")...)
	p.becomes(c, "done", queue.Done)
	if j := p.becomes(c, "dead", queue.Dead); j.Errors[0].Error != "422 Unprocessable Entity: no such order" {
		t.Errorf("dead: %+v", j.Errors)
	}
	for id, wait := range map[string]time.Duration{"later": 2 * time.Hour, "moved": time.Minute, "broken": time.Minute} {
		j := p.becomes(c, id, queue.Retrying)
		if left := time.Until(j.At); left > wait+time.Second || left < wait-patience {
			t.Errorf("%s: again in %v, want %v", id, left, wait)
		}
	}
	if j := p.job(c, "q", "moved"); !strings.Contains(j.Errors[0].Error, "302 Found to /elsewhere") {
		t.Errorf("moved: %+v", j.Errors)
	}
	d.stop().want(t, exitOK)
	r := seen["done"]
	for name, want := range map[string]string{
		"Dueq-Job-Id": "done", "Dueq-Queue": "q", "Dueq-Kind": "order%20paid", "Dueq-Attempt": "1", "Idempotency-Key": "done",
		"Content-Type": "application/json", "X-Tenant": "t",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodPost || r.Host == "evil" || bodies["done"] != `{"a":1}` || r.Header.Get("Dueq-Token") == "" {
		t.Errorf("%s to %s: %q", r.Method, r.Host, bodies["done"])
	}
}

func TestWorkerPostWithoutAnEndpoint(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	again := []time.Duration{time.Hour}
	enqueueAll(t, c,
		queue.Job{Queue: "q", Kind: "k", ID: "down", Backoff: again},
		queue.Job{Queue: "q", Kind: "k", ID: "header", Headers: map[string]string{"a b": "c"}},
	)
	d := background(t, p.args("worker", "--queue", "q", "--post", "http://user:pass@127.0.0.1:1/hook?token=s3cret")...)
	j := p.becomes(c, "down", queue.Retrying)
	if e := j.Errors[0].Error; !strings.Contains(e, "connection refused") || strings.Contains(e, "s3cret") || strings.Contains(e, "pass") {
		t.Errorf("%q", e)
	}
	j = p.becomes(c, "header", queue.Dead)
	if e := j.Errors[0].Error; !strings.Contains(e, `header "a b" cannot be sent`) {
		t.Errorf("%q", e)
	}
	if r := d.stop().want(t, exitOK); strings.Contains(r.err, "s3cret") || strings.Contains(r.err, "pass@") {
		t.Errorf("the log has the URL: %s", r.err)
	}
}

func TestWorkerPostTimeout(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Backoff: []time.Duration{time.Hour}})
	d := background(t, p.args("worker", "--queue", "q", "--post", server.URL, "--timeout", "50ms")...)
	p.becomes(c, "x", queue.Retrying)
	d.stop().want(t, exitOK)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	const done, retry, dead = "done", "retry", "dead"
	for _, c := range []struct {
		status int
		after  string
		want   string
		wait   time.Duration
	}{
		{200, "", done, 0},
		{204, "9", done, 0},
		{299, "", done, 0},
		{400, "", dead, 0},
		{410, "9", dead, 0},
		{422, "", dead, 0},
		{401, "", retry, 0},
		{404, "9", retry, 0},
		{301, "", retry, 0},
		{500, "9", retry, 0},
		{503, "", retry, 0},
		{503, "soon", retry, 0},
		{503, "9", retry, 9 * time.Second},
		{429, "0", retry, time.Second},
		{429, "-5", retry, time.Second},
		{429, "999999999999", retry, 24 * time.Hour},
		{429, "99999999999999999999999", retry, 0},
		{429, at(time.Minute), retry, time.Minute},
		{429, at(-time.Minute), retry, time.Second},
		{503, at(1000 * time.Hour), retry, 24 * time.Hour},
	} {
		resp := &http.Response{StatusCode: c.status, Status: http.StatusText(c.status), Header: http.Header{"Retry-After": {c.after}}}
		a := judge(resp, "", now)
		got := retry
		if a.err == nil {
			got = done
		} else if a.dead {
			got = dead
		}
		if got != c.want || a.after != c.wait {
			t.Errorf("%d %q: %s in %v, want %s in %v", c.status, c.after, got, a.after, c.want, c.wait)
		}
	}
}

func TestMetricsOfTheWorker(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	d := background(t, "worker", "--queue", "q", "--exec", "exit 0", "--redis", server.URL(), "--metrics-listen", "127.0.0.1:0")
	base := strings.TrimSuffix(d.address(), "/metrics")
	dueq(t, "enqueue", "q", "k", "--redis", server.URL()).want(t, exitOK)
	redistest.Eventually(t, patience, func() bool {
		_, text := get(t, base+"/metrics")
		return strings.Contains(text, "dueq_worker_done_total 1") && strings.Contains(text, "dueq_scheduler_promoted_total 0")
	})
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/": http.StatusNotFound} {
		if code, _ := get(t, base+path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	server.Kill()
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		if code, _ := get(t, base+path); code != want {
			t.Errorf("without redis %s: %d, want %d", path, code, want)
		}
	}
	d.stop().want(t, exitOK)
}
