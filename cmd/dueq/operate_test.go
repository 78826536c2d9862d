package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func enqueueAll(t *testing.T, c *queue.Client, jobs ...queue.Job) {
	t.Helper()
	if _, err := c.EnqueueMany(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	if r := p.dueq("queues").want(t, exitOK); r.out != "" || r.err == "" {
		t.Errorf("without queues: %q and %q", r.out, r.err)
	}
	if r := p.dueq("queues", "--json").want(t, exitOK); r.out != "[]\n" {
		t.Errorf("without queues: %q", r.out)
	}
	enqueueAll(t, c,
		queue.Job{Queue: "sms", Kind: "k", Delay: 90 * time.Minute}, queue.Job{Queue: "sms", Kind: "k", Delay: 2 * time.Hour},
		queue.Job{Queue: "sms", Kind: "k"}, queue.Job{Queue: "callback", Kind: "k"},
	)
	p.dueq("pause", "sms", "callback").want(t, exitOK)
	p.dueq("limit", "sms", "--max-len", "9").want(t, exitOK)
	r := p.dueq("queues").want(t, exitOK)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "QUEUE") || !strings.HasPrefix(lines[1], "callback") {
		t.Fatalf("printed\n%s", r.out)
	}
	if got := strings.Fields(lines[2]); !slices.Equal(got[:7], []string{"sms", "2", "1", "0", "0", "0", "0"}) {
		t.Errorf("sms is %v", got)
	}
	wantWords(t, lines[2], "in 1h", "paused, limit 9")
	infos := decode[[]queue.QueueInfo](t, p.dueq("queues", "sms", "--json"))
	if len(infos) != 1 || infos[0].Delayed != 2 || infos[0].Ready != 1 || !infos[0].Paused || infos[0].MaxLen != 9 {
		t.Errorf("as JSON %+v", infos)
	}
	p.dueq("queues", "no such").failed(t, "queue")
}

func TestQueuesWatch(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "sms", Kind: "k"})
	table := background(t, p.args("queues", "--watch", "--every", "100ms")...)
	lines := background(t, p.args("queues", "--watch", "--every", "100ms", "--json")...)
	redistest.Eventually(t, patience, func() bool {
		return strings.Contains(table.out.String(), "DONE/S") && strings.Count(lines.out.String(), "\n") > 2
	})
	if r := table.stop().want(t, exitOK); strings.Contains(r.out, "\x1b") {
		t.Error("escapes in a pipe")
	}
	r := lines.stop().want(t, exitOK)
	first, _, _ := strings.Cut(r.out, "\n")
	if infos := decode[[]queue.QueueInfo](t, result{out: first}); len(infos) != 1 {
		t.Errorf("printed %s", first)
	}
}

func TestQueuesWatchWaitsForRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	d := background(t, "queues", "--watch", "--every", "100ms", "--redis", server.URL())
	d.says("no queue has had a job yet")
	server.Kill()
	d.says("dueq: ")
	server.Restart()
	before := strings.Count(d.err.String(), "no queue has had a job yet")
	redistest.Eventually(t, patience, func() bool {
		return strings.Count(d.err.String(), "no queue has had a job yet") > before
	})
	d.stop().want(t, exitOK)
}

func TestJobs(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	for i := range 5 {
		enqueueAll(t, c, queue.Job{
			Queue: "q", Kind: "k" + strconv.Itoa(i%2), ID: strconv.Itoa(i), Delay: time.Duration(i+1) * 90 * time.Minute, Tags: []string{"even"[:4-i%2]},
		})
	}
	p.dead(c, "q", "died")
	r := p.dueq("jobs", "q", "--state", "delayed", "--limit", "2").want(t, exitOK)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "0 ") || !strings.HasPrefix(lines[2], "1 ") {
		t.Errorf("printed\n%s", r.out)
	}
	wantWords(t, r.err, "go on with --cursor 2")
	wantWords(t, r.out, "due in 1h")
	r = p.dueq("jobs", "q", "--state", "delayed", "--limit", "2", "--cursor", "4").want(t, exitOK)
	if r.err != "" || strings.Count(r.out, "\n") != 2 {
		t.Errorf("last page\n%s%s", r.out, r.err)
	}
	page := decode[struct {
		Jobs    []jobView
		Scanned int
		Cursor  string
	}](t, p.dueq("jobs", "q", "--kind", "k1", "--json"))
	if len(page.Jobs) != 2 || page.Scanned != 6 || page.Cursor != "" {
		t.Errorf("as JSON %+v", page)
	}
	if r := p.dueq("jobs", "q", "--tag", "even").want(t, exitOK); strings.Count(r.out, "\n") != 4 {
		t.Errorf("by tag\n%s", r.out)
	}
	wantWords(t, p.dueq("jobs", "q", "--state", "dead").out, "died", "unexpected EOF")
	if r := p.dueq("jobs", "empty").want(t, exitOK); r.out != "" {
		t.Errorf("printed %q", r.out)
	}
	p.dueq("jobs", "q", "--state", "lost").failed(t, "state")
	p.dueq("jobs", "q", "--limit", "501").failed(t, "limit")
	p.dueq("jobs", "q", "--cursor", "x").failed(t, "cursor")
}

func TestJobShowsAllAndNothingHarmful(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	harm := "\x1b[2J\x1b]0;title\x07 \u202e<b>"
	enqueueAll(t, c, queue.Job{
		Queue: "q", Kind: "k", ID: "x", Payload: []byte(harm), Delay: 90 * time.Minute, Headers: map[string]string{"h": harm},
		Backoff: []time.Duration{time.Minute}, MaxAttempts: 4, Priority: queue.Low, Expires: time.Now().Add(2 * time.Hour),
	})
	r := p.dueq("job", "q", "x").want(t, exitOK)
	if strings.ContainsAny(r.out, "\x1b\x07\u202e") {
		t.Errorf("control characters reach the terminal: %q", r.out)
	}
	wantWords(t, r.out, "delayed, due in 1h", "at most 4", "priority  low", "backoff", "1m", `\x1b[2J`, "<b>", "expires", "payload, ")
	v := decode[jobView](t, p.dueq("job", "q", "x", "--json"))
	if v.Payload == nil || *v.Payload != harm || v.State != queue.Delayed || v.MaxAttempts != 4 || v.Headers["h"] != harm {
		t.Errorf("as JSON %+v", v)
	}
	p.dead(c, "q", "died")
	r = p.dueq("job", "q", "died").want(t, exitOK)
	wantWords(t, r.out, "dead, died", "rejected", "attempt 1", "unexpected EOF", "timeline", "  started   attempt 1 ", "  failed    attempt 1 ")
	what := ""
	for _, e := range decode[jobView](t, p.dueq("job", "q", "died", "--json")).Timeline {
		what += " " + string(e.What)
	}
	if what != " enqueued due ready started failed dead" {
		t.Errorf("timeline:%s", what)
	}
	p.dueq("job", "q", "none").failed(t, "no such job")
}

// TestJobOfJSONCanBeEnqueued takes the payload of one command into the other.
func TestJobOfJSONCanBeEnqueued(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "bytes", Payload: []byte("\xff\x00")})
	v := decode[jobView](t, p.dueq("job", "q", "bytes", "--json"))
	line := `{"queue":"q","kind":"k","id":"again","payload_base64":"` + *v.PayloadBase64 + `"}`
	dueqIn(t, strings.NewReader(line), p.args("enqueue", "--stdin")...).want(t, exitOK)
	if j := p.job(c, "q", "again"); string(j.Payload) != "\xff\x00" {
		t.Errorf("payload %q", j.Payload)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c,
		queue.Job{Queue: "q", Kind: "k", ID: "running", Retain: -1}, queue.Job{Queue: "q", Kind: "k", ID: "a", Delay: time.Hour},
		queue.Job{Queue: "q", Kind: "k", ID: "b", Delay: time.Hour},
	)
	if _, _, err := c.Broker().Lease(t.Context(), "q", 1, queue.MaxLease); err != nil {
		t.Fatal(err)
	}
	r := p.dueq("cancel", "q", "a", "running").want(t, exitOK)
	wantWords(t, r.out, "cancelled a\n", "cancelled running, which is running and was told to stop\n")
	if j := p.job(c, "q", "running"); !j.Cancelled {
		t.Error("the running job is not flagged")
	}
	p.dueq("cancel", "q", "a").failed(t, "no such job")
	r = p.dueq("cancel", "q", "a", "b").want(t, exitFailed)
	wantWords(t, r.err, "a: ", "1 of 2 jobs could not be cancelled")
	verdicts := decode[[]verdict](t, p.dueq("cancel", "q", "b", "c", "--json"))
	if len(verdicts) != 2 || verdicts[0].Done || verdicts[0].Error == "" {
		t.Errorf("as JSON %+v", verdicts)
	}
}

func TestCancelManyOnlyAfterYes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	const jobs = 1234
	batch := make([]queue.Job, jobs)
	for i := range batch {
		batch[i] = queue.Job{Queue: "q", Kind: "k", Delay: time.Hour, Tags: []string{"odd", "even"}[i%2 : i%2+1]}
	}
	enqueueAll(t, c, batch...)
	depth := func() int64 {
		info, err := c.Inspector().Queue(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		return info.Delayed
	}
	p.dueq("cancel", "q", "--tag", "even").failed(t, "617 jobs of queue q would be cancelled; repeat it with --yes")
	if n := depth(); n != jobs {
		t.Fatalf("%d jobs are left", n)
	}
	p.dueq("cancel", "q", "--tag", "even", "--max", "10").failed(t, "10 jobs", "there may be more")
	if r := p.dueq("cancel", "q", "--tag", "even", "--max", "10", "--yes").want(t, exitOK); r.out != "cancelled 10 jobs\n" {
		t.Errorf("printed %q", r.out)
	}
	if r := p.dueq("cancel", "q", "--tag", "even", "--state", "delayed", "--yes").want(t, exitOK); r.out != "cancelled 607 jobs\n" {
		t.Errorf("printed %q", r.out)
	}
	if n := depth(); n != jobs/2 {
		t.Errorf("%d jobs are left", n)
	}
	p.dueq("cancel", "q", "--kind", "other", "--yes").want(t, exitOK)
	p.dueq("cancel", "q", "--state", "delayed", "--yes").want(t, exitOK)
	if n := depth(); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

func TestReschedule(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "a", Delay: time.Hour}, queue.Job{Queue: "q", Kind: "k", ID: "now"})
	wantWords(t, p.dueq("reschedule", "q", "a", "--delay", "3h").want(t, exitOK).out, "a is due in 3h")
	if d := time.Until(p.job(c, "q", "a").At).Round(time.Hour); d != 3*time.Hour {
		t.Errorf("due in %v", d)
	}
	due := time.Now().Add(5 * time.Hour).Truncate(time.Second)
	p.dueq("reschedule", "q", "a", "--due", due.Format(time.RFC3339)).want(t, exitOK)
	if at := p.job(c, "q", "a").At; !at.Equal(due) {
		t.Errorf("due at %v, want %v", at, due)
	}
	p.dueq("reschedule", "q", "now", "--delay", "1h").failed(t, "already due")
	p.dueq("reschedule", "q", "none", "--delay", "1h").failed(t, "no such job")
}

func TestRequeueAndPurge(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	p.dead(c, "q", "a", "b", "c", "d")
	state := func(s queue.State) int64 {
		info, err := c.Inspector().Queue(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		return info.State(s)
	}
	if r := p.dueq("requeue", "q", "a").want(t, exitOK); r.out != "requeued a\n" {
		t.Errorf("printed %q", r.out)
	}
	p.dueq("requeue", "q", "a").failed(t, "neither dead nor done")
	p.dueq("requeue", "q", "--all").failed(t, "3 jobs", "--yes")
	p.dueq("requeue", "q", "--all", "--tag", "tag-b", "--yes").want(t, exitOK)
	if ready, dead := state(queue.Ready), state(queue.Dead); ready != 2 || dead != 2 {
		t.Errorf("%d ready, %d dead", ready, dead)
	}
	p.dueq("purge", "q", "--dead").failed(t, "2 dead jobs", "--yes")
	if r := p.dueq("purge", "q", "--dead", "--older-than", "1h", "--yes").want(t, exitOK); r.out != "purged 0 dead jobs\n" {
		t.Errorf("printed %q", r.out)
	}
	if r := p.dueq("purge", "q", "--dead", "--yes").want(t, exitOK); r.out != "purged 2 dead jobs\n" {
		t.Errorf("printed %q", r.out)
	}
	if ready, dead := state(queue.Ready), state(queue.Dead); ready != 2 || dead != 0 {
		t.Errorf("%d ready, %d dead", ready, dead)
	}
}
