package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

// populate puts jobs of the queue sms into every state, and a few into others.
func populate(t *testing.T, c *queue.Client) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, b, in := t.Context(), c.Broker(), c.Inspector()
	enqueue := func(n int, j queue.Job) {
		t.Helper()
		jobs := make([]queue.Job, n)
		for i := range jobs {
			jobs[i] = j
		}
		_, err := c.EnqueueMany(ctx, jobs)
		ok(err)
	}
	sms := queue.Job{Queue: "sms", Kind: "sms.send", Retain: time.Hour}
	high, low, later, soon := sms, sms, sms, sms
	high.Priority, low.Priority, later.Delay, soon.Delay = queue.High, queue.Low, time.Hour, time.Minute
	enqueue(20, sms)
	leased, _, err := b.Lease(ctx, "sms", 12, time.Hour)
	ok(err)
	for _, d := range leased[:4] {
		ok(b.Ack(ctx, d))
	}
	for _, d := range leased[4:7] {
		ok(b.Retry(ctx, d, time.Hour, errors.New("503")))
	}
	for _, d := range leased[7:9] {
		ok(b.Bury(ctx, d, queue.ReasonRejected, errors.New("no")))
	}
	enqueue(2, high)
	enqueue(5, low)
	enqueue(9, later)
	enqueue(6, soon)
	id, err := c.Enqueue(ctx, sms)
	ok(err)
	ok(c.Cancel(ctx, "sms", id)) // leaves a ghost in the ready list
	enqueue(3, queue.Job{Queue: "callbacks", Kind: "cb", Delay: 30 * time.Minute})
	ok(in.Pause(ctx, "callbacks"))
	ok(in.CloseIntake(ctx, "reports"))
	ok(in.SetMaxLen(ctx, "reports", 7))
	testhook.ShiftTime(c, 2*time.Minute) // the jobs of soon are overdue now
}

// counted by hand, from populate.
var smsJobs = map[queue.State]int64{
	queue.Delayed: 9 + 6, queue.Ready: 20 - 12 + 2 + 5, queue.Leased: 12 - 9, queue.Retrying: 3, queue.Dead: 2, queue.Done: 4,
}

// cards is what redis-cli says of a queue's states.
func cards(t *testing.T, rdb *goredis.Client, namespace, name string) map[queue.State]int64 {
	t.Helper()
	number := func(cmd *goredis.IntCmd) int64 {
		n, err := cmd.Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, key := t.Context(), namespace+":{"+name+"}:"
	ready := number(rdb.LLen(ctx, key+"ready")) + number(rdb.LLen(ctx, key+"ready:high")) + number(rdb.LLen(ctx, key+"ready:low"))
	return map[queue.State]int64{
		queue.Delayed: number(rdb.ZCard(ctx, key+"delayed")), queue.Retrying: number(rdb.ZCard(ctx, key+"retry")),
		queue.Leased: number(rdb.ZCard(ctx, key+"leased")), queue.Dead: number(rdb.ZCard(ctx, key+"dead")),
		queue.Done: number(rdb.ZCard(ctx, key+"done")), queue.Ready: ready - number(rdb.HLen(ctx, key+"ghosts")),
	}
}

// cells are the table's, by queue and column.
func cells(page string) map[string]map[string]string {
	rows := regexp.MustCompile(`(?s)<th role="rowheader" scope="row">(?:<svg.*?</svg>)?<a [^>]*>([\w.-]+)</a>(.*?)</tr>`)
	parts := regexp.MustCompile(`data-label="([^"]+)" class="[^"]*">([^<]*)</td>`)
	out := map[string]map[string]string{}
	for _, r := range rows.FindAllStringSubmatch(page, -1) {
		out[r[1]] = map[string]string{"badges": strings.Join(regexp.MustCompile(`class="badge">([^<]*)<`).FindAllString(r[2], -1), " ")}
		for _, c := range parts.FindAllStringSubmatch(r[2], -1) {
			out[r[1]][c[1]] = c[2]
		}
	}
	return out
}

func TestNumbersEqualRedis(t *testing.T) {
	t.Parallel()
	client, rdb := open(t, redistest.URL(t)), redistest.Client(t)
	populate(t, client)
	d := newDashboard(t, client, Config{})
	run(t, d)
	infos, err := client.Inspector().Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := request(t, d, http.MethodGet, "/api/v1/queues")
	var api struct {
		Queues []queue.QueueInfo
		Stale  bool
	}
	if err := json.Unmarshal([]byte(got.body), &api); err != nil || len(api.Queues) != 3 || len(infos) != 3 || api.Stale {
		t.Fatalf("%v: %s", err, got.body)
	}
	table, families := cells(request(t, d, http.MethodGet, "/queues").body), scrape(t, d)
	columnOf := map[queue.State]string{
		queue.Delayed: "Delayed", queue.Ready: "Ready", queue.Leased: "Running", queue.Retrying: "Retrying", queue.Dead: "Dead", queue.Done: "Done",
	}
	for i, info := range infos {
		for state, want := range cards(t, rdb, client.Namespace(), info.Name) {
			if info.Name == "sms" && want != smsJobs[state] {
				t.Errorf("redis has %d %s jobs, want %d", want, state, smsJobs[state])
			}
			if n := api.Queues[i].State(state); n != want {
				t.Errorf("json: %d %s jobs of %s, redis has %d", n, state, info.Name, want)
			}
			if text := table[info.Name][columnOf[state]]; text != formatCount(want) {
				t.Errorf("page: %q %s jobs of %s, redis has %d", text, state, info.Name, want)
			}
			if n := value(t, families, "dueq_queue_jobs", "queue", info.Name, "state", string(state)); n != float64(want) {
				t.Errorf("metrics: %v %s jobs of %s, redis has %d", n, state, info.Name, want)
			}
		}
		compareGauges(t, families, &info)
	}
	if sms := table["sms"]; sms["Overdue"] != "6" || sms["Next due"] != "now" || sms["Oldest ready"] != "2m00s" {
		t.Errorf("sms: %v", sms)
	}
	if !strings.Contains(table["callbacks"]["badges"], "paused") || !strings.Contains(table["reports"]["badges"], "intake closed") || !strings.Contains(table["reports"]["badges"], "limit 7") {
		t.Errorf("badges: %v, %v", table["callbacks"], table["reports"])
	}
}

// compareGauges compares the metrics of a queue with what the inspector says. Ages move on between the
// two.
func compareGauges(t *testing.T, families familiesByName, info *queue.QueueInfo) {
	t.Helper()
	for name, want := range map[string]float64{
		"dueq_queue_oldest_ready_seconds": info.OldestReady.Seconds(),
		"dueq_queue_overdue_jobs":         float64(info.Overdue),
		"dueq_queue_overdue_age_seconds":  info.OverdueAge.Seconds(),
		"dueq_queue_paused":               float64(count(info.Paused)),
		"dueq_queue_intake_closed":        float64(count(info.Closed)),
		"dueq_queue_limit_jobs":           float64(info.MaxLen),
	} {
		slack := 0.0
		if strings.HasSuffix(name, "_seconds") && want > 0 {
			slack = 5
		}
		if got := value(t, families, name, "queue", info.Name); got < want-slack || got > want+slack {
			t.Errorf("%s of %s: %v, want %v", name, info.Name, got, want)
		}
	}
	for _, verb := range verbs {
		if got := value(t, families, "dueq_queue_verb_jobs_total", "queue", info.Name, "verb", verb); got != float64(info.Counts[verb]) {
			t.Errorf("%s of %s: %v, want %v", verb, info.Name, got, info.Counts[verb])
		}
	}
}

// TestWrongTypeHidesOneQueueOnly: another program's key in one queue leaves the others readable.
func TestWrongTypeHidesOneQueueOnly(t *testing.T) {
	t.Parallel()
	client, rdb := open(t, redistest.URL(t)), redistest.Client(t)
	populate(t, client)
	if err := rdb.Set(t.Context(), client.Namespace()+":{callbacks}:leased", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{})
	run(t, d)
	page := request(t, d, http.MethodGet, "/").body
	table := cells(page)
	if len(table) != 3 || table["sms"]["Dead"] != "2" || table["callbacks"]["Delayed"] != "" || !strings.Contains(page, "another program writes") {
		t.Errorf("%v", table)
	}
	if got := request(t, d, http.MethodGet, "/api/v1/queues"); !strings.Contains(got.body, `"rule":"unreadable","queue":"callbacks"`) {
		t.Error(got.body)
	}
	if scrape(t, d)["dueq_queue_paused"] == nil {
		t.Error("no metrics of the others")
	}
}

// TestRedisAway: the page says so, without the address, and recovers by itself.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := open(t, server.URL())
	if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "x", Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{Interval: minInterval})
	url := live(t, d)
	l := listen(t, url)
	l.until(`class="n">1</td>`)
	server.Kill()
	fragment := l.until(`class="verdict down"`)
	if !strings.Contains(fragment, "Redis ") || !strings.Contains(fragment, `class="tiles stale"`) || strings.Contains(fragment, ".sock") {
		t.Errorf("%s", fragment)
	}
	if got := get(t, url+"/healthz"); got.status != http.StatusOK {
		t.Errorf("healthz: %d", got.status)
	}
	server.Restart()
	l.until(`class="verdict idle"`)
}

// TestKilledMoverIsNamed: within seconds, and not as a latency of 0.
func TestKilledMoverIsNamed(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	ctx := context.Background()
	if _, err := client.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "x", Delay: time.Minute}); err != nil {
		t.Fatal(err)
	}
	l := listen(t, live(t, newDashboard(t, client, Config{Interval: minInterval})))
	l.until(`class="verdict idle"`)
	testhook.ShiftTime(client, time.Minute+3*time.Second)
	if got := l.until("no mover is promoting"); !strings.Contains(got, `class="verdict degraded"`) || !strings.Contains(got, "1 job overdue by ") {
		t.Errorf("%s", got)
	}
	testhook.ShiftTime(client, time.Minute)
	l.until(`overdue by 1m`)
}
