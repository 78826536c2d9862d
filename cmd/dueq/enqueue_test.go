package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestEnqueueTakesEveryField(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	before := time.Now()
	r := p.dueq("enqueue", "sms", "sms.send", `{"to":"+1"}`, "--delay", "2h", "--id", "order-1", "--priority", "high",
		"--unique", "order", "--unique-for", "3h", "--expires", "4h", "--on-expiry", "drop", "--max-attempts", "7",
		"--backoff", "2m,10m", "--retain", "1h", "--tag", "a", "--tag", "b,c", "--header", "trace=x=y").want(t, exitOK)
	if r.out != "order-1\n" || r.err != "" {
		t.Errorf("printed %q and %q", r.out, r.err)
	}
	j := p.job(c, "sms", "order-1")
	if j.State != queue.Delayed || j.Kind != "sms.send" || string(j.Payload) != `{"to":"+1"}` || j.Priority != queue.High {
		t.Errorf("job %+v", j)
	}
	if d := j.At.Sub(before); d < 2*time.Hour-time.Second || d > 2*time.Hour+patience {
		t.Errorf("due in %v", d)
	}
	if j.Unique.Key != "order" || j.OnExpiry != queue.DropExpired || j.Expires.Sub(before).Round(time.Hour) != 4*time.Hour {
		t.Errorf("unique %v, expires %v, %v", j.Unique, j.Expires, j.OnExpiry)
	}
	if j.MaxAttempts != 7 || !slices.Equal(j.Backoff, []time.Duration{2 * time.Minute, 10 * time.Minute}) || j.Retain != time.Hour {
		t.Errorf("attempts %d, backoff %v, retain %v", j.MaxAttempts, j.Backoff, j.Retain)
	}
	if !slices.Equal(j.Tags, []string{"a", "b,c"}) || !maps.Equal(j.Headers, map[string]string{"trace": "x=y"}) {
		t.Errorf("tags %v, headers %v", j.Tags, j.Headers)
	}
}

func TestEnqueueIsIdempotentByID(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	for range 2 {
		p.dueq("enqueue", "q", "k", "one", "--id", "x", "--due", "2099-01-01T00:00:00Z", "--redis", p.url).failed(t, "want at most")
		p.dueq("enqueue", "q", "k", "one", "--id", "x", "--delay", "1h").want(t, exitOK)
	}
	p.dueq("enqueue", "q", "k", "two", "--id", "x").failed(t, "another payload")
	p.dueq("enqueue", "q", "k", "two", "--id", "x", "--replace").want(t, exitOK)
	if j := p.job(c, "q", "x"); string(j.Payload) != "two" {
		t.Errorf("payload %q", j.Payload)
	}
	p.dueq("enqueue", "q", "k", "--unique", "u").want(t, exitOK)
	p.dueq("enqueue", "q", "k", "--unique", "u").failed(t, "duplicate")
	p.dueq("enqueue", "q/r", "k").failed(t, "queue")
	p.dueq("enqueue", "q", "k", "--delay", "-1s").failed(t, "Delay")
}

func TestEnqueueReadsPayloads(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	want := "a\x00b\xff\n"
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	p.dueq("enqueue", "q", "k", "@"+file, "--id", "file").want(t, exitOK)
	dueqIn(t, strings.NewReader(want), p.args("enqueue", "q", "k", "-", "--id", "stdin")...).want(t, exitOK)
	p.dueq("enqueue", "q", "k", "--id", "none").want(t, exitOK)
	for id, want := range map[string]string{"file": want, "stdin": want, "none": ""} {
		if j := p.job(c, "q", id); string(j.Payload) != want {
			t.Errorf("%s: payload %q", id, j.Payload)
		}
		if r := p.dueq("job", "q", id, "--payload"); r.out != want {
			t.Errorf("%s: printed %q", id, r.out)
		}
	}
	endless := io.LimitReader(zeros{}, 1<<40)
	dueqIn(t, endless, p.args("enqueue", "q", "k", "-")...).failed(t, "too large")
	p.dueq("enqueue", "q", "k", "12345", "--max-payload", "4").failed(t, "too large")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestEnqueueJSON(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	got := decode[map[string]string](t, p.dueq("enqueue", "q", "k", "--id", "x", "--json"))
	if !maps.Equal(got, map[string]string{"queue": "q", "id": "x"}) {
		t.Errorf("printed %v", got)
	}
}

const mixedLines = `{"queue":"q","kind":"k","id":"one","payload":{"a": 1}}

{"queue":"q","kind":"k","id":"two","payload":"plain \u00e9","delay":"1h","tags":["t"],"headers":{"h":"v"}}
nonsense
{"queue":"q","kindd":"k"}
{"queue":"q","kind":"k","id":"three","payload_base64":"AAH/","priority":"low","max_attempts":3,"backoff":["1m","2m"]}
{"queue":"q","kind":"k","payload":"x","payload_base64":"AA=="}
{"queue":"q","kind":"k","payload_base64":"?"}
{"queue":"q","kind":"k"} {"queue":"q","kind":"k"}
{"queue":"q","kind":"k","delay":"soon","due":"later"}
{"queue":"q q","kind":"k"}
{"queue":"q","kind":"k","id":"one","payload":"other"}
{"queue":"other","kind":"k","id":"four","payload":null}`

func TestEnqueueStdinReportsBadLinesAndGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	r := dueqIn(t, strings.NewReader(mixedLines), p.args("enqueue", "--stdin")...).want(t, exitFailed)
	if r.out != "one\ntwo\nthree\nfour\n" {
		t.Errorf("printed %q", r.out)
	}
	for n, words := range map[int]string{
		4: "not a job in JSON", 5: "kindd", 7: "cannot be used together", 8: "not base64", 9: "more than one JSON value",
		10: `delay "soon": want a duration such as 90s or 2h; due "later"`, 11: "queue", 12: "another payload",
	} {
		wantWords(t, r.err, fmt.Sprintf("line %d: ", n), words)
	}
	wantWords(t, r.err, "dueq: 8 of 12 jobs not enqueued")
	if lines := strings.Count(r.err, "\n"); lines != 9 {
		t.Errorf("%d lines of errors:\n%s", lines, r.err)
	}
	for id, payload := range map[string]string{"one": `{"a": 1}`, "two": "plain é", "three": "\x00\x01\xff"} {
		if j := p.job(c, "q", id); string(j.Payload) != payload {
			t.Errorf("%s: payload %q", id, j.Payload)
		}
	}
	if j := p.job(c, "q", "three"); j.Priority != queue.Low || j.MaxAttempts != 3 || len(j.Backoff) != 2 {
		t.Errorf("job %+v", j)
	}
	if j := p.job(c, "other", "four"); len(j.Payload) != 0 {
		t.Errorf("payload %q", j.Payload)
	}
}

func TestEnqueueStdinJSON(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := dueqIn(t, strings.NewReader(mixedLines), p.args("enqueue", "--stdin", "--json")...)
	r.failed(t, "8 of 12")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 12 || lines[0] != `{"id":"one","line":1,"queue":"q"}` || !strings.HasPrefix(lines[2], `{"error":`) {
		t.Errorf("printed %s", r.out)
	}
}

func TestEnqueueStdinStrictStopsAtTheFirst(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := dueqIn(t, strings.NewReader(mixedLines), p.args("enqueue", "--stdin", "--strict")...).want(t, exitFailed)
	wantWords(t, r.err, "dueq: stopped at line 4")
	if r.out != "one\ntwo\n" {
		t.Errorf("printed %q", r.out)
	}
	if info, err := p.client().Inspector().Queue(t.Context(), "q"); err != nil || info.Ready+info.Delayed != 2 {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestEnqueueStdinWithoutLinesIsNoError(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if r := p.dueq("enqueue", "--stdin").want(t, exitOK); r.out+r.err != "" {
		t.Errorf("printed %q and %q", r.out, r.err)
	}
}

func TestEnqueueStdinManyLinesAndALongOne(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const jobs, limit = 2345, 100
	var in bytes.Buffer
	for i := range jobs {
		fmt.Fprintf(&in, "{\"queue\":\"q%d\",\"kind\":\"k\",\"id\":\"%d\"}\n", i%3, i)
	}
	in.WriteString(`{"queue":"q","kind":"k","payload":"` + strings.Repeat("x", 200<<10) + "\"}\n")
	in.WriteString(`{"queue":"q","kind":"k","payload":"` + strings.Repeat("x", limit+1) + "\"}\n")
	in.WriteString(`{"queue":"q","kind":"k","id":"last"}`)
	r := dueqIn(t, &in, p.args("enqueue", "--stdin", "--max-payload", strconv.Itoa(limit))...).want(t, exitFailed)
	ids := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(ids) != jobs+1 || ids[0] != "0" || ids[jobs-1] != "2344" || ids[jobs] != "last" {
		t.Errorf("%d ids", len(ids))
	}
	wantWords(t, r.err, "line 2346: the line is too long", "line 2347: ", "too large", "2 of 2348")
}

// TestEnqueueStdinDoesNotWaitForAFullBatch: a slow producer's lines go out as they come.
func TestEnqueueStdinDoesNotWaitForAFullBatch(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	in, feed := io.Pipe()
	ended := make(chan result, 1)
	go func() { ended <- dueqIn(t, in, p.args("enqueue", "--stdin")...) }()
	for n := range int64(3) {
		if _, err := io.WriteString(feed, "{\"queue\":\"q\",\"kind\":\"k\"}\n"); err != nil {
			t.Fatal(err)
		}
		redistest.Eventually(t, patience, func() bool {
			info, err := c.Inspector().Queue(t.Context(), "q")
			return err == nil && info.Ready == n+1
		}, "job %d is not in the queue", n+1)
	}
	_ = feed.Close()
	if r := <-ended; r.code != exitOK || strings.Count(r.out, "\n") != 3 {
		t.Errorf("%+v", r)
	}
}

func TestEnqueueStdinIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	ctx, cancel := contextOf(t)
	var out, errOut buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, &process{in: in, out: &out, errOut: &errOut}, p.args("enqueue", "--stdin")) }()
	if _, err := io.WriteString(feed, "{\"queue\":\"q\",\"kind\":\"k\",\"id\":\"a\"}\n"); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, func() bool { return out.String() == "a\n" })
	cancel()
	if code := <-ended; code != exitFailed || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, errOut.String())
	}
}

func TestEnqueueStdinStopsWhenRedisIsGone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	in, feed := io.Pipe()
	var out, errOut buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), &process{in: in, out: &out, errOut: &errOut}, []string{"enqueue", "--stdin", "--redis", server.URL()})
	}()
	line := "{\"queue\":\"q\",\"kind\":\"k\"}\n"
	if _, err := io.WriteString(feed, line); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, func() bool { return strings.Count(out.String(), "\n") == 1 })
	server.Kill()
	go func() { _, _ = io.WriteString(feed, strings.Repeat(line, 2000)) }()
	code := <-ended
	_ = in.Close()
	if code != exitFailed || !strings.Contains(errOut.String(), "dueq: stopped at line 2: ") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("exit %d: %q, %s", code, out.String(), errOut.String())
	}
}

func TestMemoryIsSaid(t *testing.T) {
	t.Parallel()
	r := dueq(t, "enqueue", "q", "k", "--redis", "memory://").want(t, exitOK)
	wantWords(t, r.err, "nothing is kept")
}
