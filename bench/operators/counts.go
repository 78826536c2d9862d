package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// reachNames are how far the horizon looks ahead.
var reachNames = []string{"1h", "24h", "7d"}

// horizon compares every reach, of queues and of all, with what Redis has.
func horizon(ctx context.Context, _ *suite) (v verdict, err error) {
	st, err := set(ctx)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, st.strike()) }()
	const queues, jobs = 10, 20_000
	want := map[string]queue.WaitingJobs{}
	for i := range queues {
		name := fmt.Sprintf("q%d", i)
		if want[name], err = scatter(ctx, st, name, jobs/queues); err != nil {
			return verdict{}, err
		}
		all := want[""]
		want[""] = queue.WaitingJobs{Delayed: all.Delayed + want[name].Delayed, Retrying: all.Retrying + want[name].Retrying}
	}
	compared := 0
	for name, cards := range want {
		for _, reach := range reachNames {
			got, err := st.horizon(ctx, name, reach)
			if err != nil {
				return verdict{}, err
			}
			if got != cards {
				return verdict{Figure: fmt.Sprintf("%s of %q: %+v, redis has %+v", reach, name, got, cards)}, nil
			}
			compared++
		}
	}
	return verdict{Figure: fmt.Sprintf("%d horizons of %d jobs, each job once", compared, want[""].Delayed+want[""].Retrying), Pass: true}, nil
}

// scatter puts jobs into delayed and retry, and returns what ZCARD says of these. Many are overdue by the time
// it returns, or at the edge of a bar.
func scatter(ctx context.Context, st *stage, name string, n int) (queue.WaitingJobs, error) {
	units := []time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}
	when := func() time.Duration {
		return time.Duration(1+rand.IntN(60)) * units[rand.IntN(len(units))]
	}
	batch := make([]queue.Job, 0, n)
	for i := range n {
		job := queue.Job{Queue: name, Kind: "x"}
		if i > n/10 {
			job.Delay = when()
		}
		batch = append(batch, job)
	}
	if _, err := st.client.EnqueueMany(ctx, batch); err != nil {
		return queue.WaitingJobs{}, err
	}
	leased, _, err := st.client.Broker().Lease(ctx, name, n/10, time.Minute)
	if err != nil {
		return queue.WaitingJobs{}, err
	}
	for _, d := range leased {
		if err := st.client.Broker().Retry(ctx, d, when(), errors.New("503")); err != nil {
			return queue.WaitingJobs{}, err
		}
	}
	key := "dueq:{" + name + "}:"
	pipe := st.server.Admin.Pipeline()
	delayed, retrying := pipe.ZCard(ctx, key+"delayed"), pipe.ZCard(ctx, key+"retry")
	_, err = pipe.Exec(ctx)
	return queue.WaitingJobs{Delayed: delayed.Val(), Retrying: retrying.Val()}, err
}

// horizon sums up what the dashboard says; it asks again until the dashboard knows of the queue.
func (st *stage) horizon(ctx context.Context, name, reach string) (sum queue.WaitingJobs, err error) {
	var h struct {
		Overdue, Later queue.WaitingJobs
		Bars           []queue.WaitingJobs
	}
	for status := 0; status != 200; {
		var body []byte
		if status, body, err = get(ctx, st.url+"/api/v1/schedule?queue="+name+"&reach="+reach); err != nil {
			return sum, err
		}
		if err := json.Unmarshal(body, &h); err != nil {
			return sum, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return sum, err
		}
	}
	for _, part := range append(h.Bars, h.Overdue, h.Later) {
		sum.Delayed, sum.Retrying = sum.Delayed+part.Delayed, sum.Retrying+part.Retrying
	}
	return sum, nil
}

// pause waits, unless the run is over.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// metrics compares what counters rose by with what was done.
func metrics(ctx context.Context, _ *suite) (v verdict, err error) {
	st, err := set(ctx)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, st.strike()) }()
	if err := carryOut(ctx, st.client, map[string]int{"enqueue": 3, "lease": 3, "ack": 1, "retry": 1, "bury": 1}); err != nil {
		return verdict{}, err
	}
	before, err := st.settled(ctx, map[string]float64{"enqueue": 3, "lease": 3, "ack": 1, "retry": 1, "bury": 1, "late": 3})
	if err != nil {
		return verdict{}, err
	}
	did := map[string]int{"enqueue": 5000, "lease": 4000, "ack": 3000, "retry": 700, "bury": 300}
	if err := carryOut(ctx, st.client, did); err != nil {
		return verdict{}, err
	}
	want := map[string]float64{"late": before["late"] + float64(did["lease"])}
	for verb, n := range did {
		want[verb] = before[verb] + float64(n)
	}
	if _, err := st.settled(ctx, want); err != nil {
		return verdict{}, err
	}
	return verdict{Pass: true, Figure: fmt.Sprintf("enqueue +%d, lease +%d, ack +%d, retry +%d, bury +%d, lateness +%d",
		did["enqueue"], did["lease"], did["ack"], did["retry"], did["bury"], did["lease"])}, nil
}

// carryOut does so much of each verb.
func carryOut(ctx context.Context, client *queue.Client, verbs map[string]int) error {
	n := maps.Clone(verbs)
	batch := make([]queue.Job, n["enqueue"])
	for i := range batch {
		batch[i] = queue.Job{Queue: theQueue, Kind: "x"}
	}
	if _, err := client.EnqueueMany(ctx, batch); err != nil {
		return err
	}
	b := client.Broker()
	for left := n["lease"]; left > 0; {
		leased, _, err := b.Lease(ctx, theQueue, min(left, 500), time.Minute)
		if err != nil {
			return err
		}
		left -= len(leased)
		for _, d := range leased {
			switch {
			case n["ack"] > 0:
				n["ack"]--
				err = b.Ack(ctx, d)
			case n["retry"] > 0:
				n["retry"]--
				err = b.Retry(ctx, d, time.Hour, errors.New("503"))
			default:
				err = b.Bury(ctx, d, queue.ReasonRejected, errors.New("no"))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// settled scrapes until the counters are as wanted, for a scrape shows the last sample; more than that is wrong.
func (st *stage) settled(ctx context.Context, want map[string]float64) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		got, err := st.scrape(ctx)
		if err != nil {
			return nil, err
		}
		same := true
		for name, n := range want {
			if got[name] > n {
				return nil, fmt.Errorf("%s is %v, want %v", name, got[name], n)
			}
			same = same && got[name] == n
		}
		if same {
			return got, nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("the counters are %v, want %v", got, want)
		}
	}
}

// scrape reads the counters of verbs, and as late how many jobs the histogram of lateness has.
func (st *stage) scrape(ctx context.Context) (map[string]float64, error) {
	_, body, err := get(ctx, st.url+"/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, err
		}
		if _, verb, ok := strings.Cut(name, `dueq_queue_verb_jobs_total{queue="`+theQueue+`",verb="`); ok {
			out[strings.TrimSuffix(verb, `"`)] = n
		}
		if strings.HasPrefix(name, "dueq_queue_lateness_seconds_count") {
			out["late"] = n
		}
	}
	return out, lines.Err()
}
