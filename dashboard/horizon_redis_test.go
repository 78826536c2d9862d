package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

// scatter puts jobs of a queue into delayed and retry, due at any time from before now to beyond every
// reach, many of them at the same or at the very edge of a bar.
func scatter(t *testing.T, c *queue.Client, name string, random *rand.Rand) {
	t.Helper()
	when := func() time.Duration {
		steps := []time.Duration{time.Millisecond, time.Second, time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day}
		return max(time.Millisecond, time.Duration(random.IntN(40))*steps[random.IntN(len(steps))])
	}
	ctx, retries := t.Context(), random.IntN(30)
	enqueue(t, c, retries, queue.Job{Queue: name, Kind: "x"})
	leased, _, err := c.Broker().Lease(ctx, name, max(1, retries), time.Minute)
	if err != nil || len(leased) != retries {
		t.Fatal(len(leased), err)
	}
	for _, d := range leased {
		if err := c.Broker().Retry(ctx, d, when(), errors.New("503")); err != nil {
			t.Fatal(err)
		}
	}
	var jobs []queue.Job
	for range random.IntN(120) {
		jobs = append(jobs, queue.Job{Queue: name, Kind: "x", Delay: when()})
	}
	if len(jobs) == 0 {
		return
	}
	results, err := c.EnqueueMany(ctx, jobs)
	if err != nil {
		t.Fatal(results, err)
	}
}

// TestHorizonEqualsRedis: whatever waits, each job is in one place of the horizon, of every reach, of a
// queue and of all.
func TestHorizonEqualsRedis(t *testing.T) {
	t.Parallel()
	client, rdb := open(t, redistest.URL(t)), redistest.Client(t)
	const queues = 8
	all := queue.WaitingJobs{}
	cardOf := map[string]queue.WaitingJobs{}
	for i := range queues {
		name := fmt.Sprintf("q%d", i)
		scatter(t, client, name, rand.New(rand.NewPCG(uint64(i), 4)))
		cards := cards(t, rdb, client.Namespace(), name)
		cardOf[name] = queue.WaitingJobs{Delayed: cards[queue.Delayed], Retrying: cards[queue.Retrying]}
		all = plusWaiting(all, cardOf[name])
	}
	cardOf[""] = all
	testhook.ShiftTime(client, 90*time.Second) // some are overdue
	d := newDashboard(t, client, Config{Interval: minInterval})
	run(t, d)
	for name, want := range cardOf {
		for _, r := range reaches {
			var got horizonAnswer
			redistest.Eventually(t, awhile, func() bool {
				a := request(t, d, http.MethodGet, "/api/v1/schedule?reach="+r.name+"&queue="+name)
				return a.status == http.StatusOK && json.Unmarshal([]byte(a.body), &got) == nil
			}, "no horizon of %q", name)
			sum := plusWaiting(got.Overdue, got.Later)
			for i := range got.Bars {
				sum = plusWaiting(sum, got.Bars[i].WaitingJobs)
			}
			if sum != want || len(got.Bars) != r.bars {
				t.Errorf("%s of %q: %+v in %d bars, redis has %+v", r.name, name, sum, len(got.Bars), want)
			}
			if name == "" && total(got.Overdue) == 0 {
				t.Error("nothing is overdue")
			}
		}
	}
}
