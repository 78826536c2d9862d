package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// scale is the stage of the rows that are about many jobs in many queues, which is set once.
type scale struct {
	*stage
	jobs int
}

const tabs = 20

func (s *suite) scale(ctx context.Context) (*scale, error) {
	if s.at != nil {
		return s.at, nil
	}
	st, err := set(context.WithoutCancel(ctx), asScheduler)
	if err != nil {
		return nil, err
	}
	s.at = &scale{stage: st}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range s.queues {
		group.Go(func() error { return fill(ctx, st.client, nameOf(i), s.jobs/s.queues) })
	}
	s.at.jobs = s.jobs / s.queues * s.queues
	return s.at, group.Wait()
}

func (at *scale) close() error {
	if at == nil {
		return nil
	}
	return at.strike()
}

func nameOf(i int) string { return fmt.Sprintf("queue-%02d", i) }

// known is the ID of one job of each queue.
const known = "known"

// fill gives a queue jobs: most are delayed over a week, some are ready, a few dead and a few retrying.
func fill(ctx context.Context, client *queue.Client, name string, n int) error {
	const batch, failed = 1000, 20
	payload := []byte(`{"url":"https://shop.example/orders/4711/paid","order":4711}`)
	for left := n; left > 0; left -= batch {
		jobs := make([]queue.Job, min(batch, left))
		for i := range jobs {
			jobs[i] = queue.Job{Queue: name, Kind: "http.callback", Payload: payload}
			if left <= n-batch/10 || i >= batch/10 { // the first hundred are ready
				jobs[i].Delay = time.Hour + time.Duration(rand.Int64N(int64(7*24*time.Hour)))
			}
		}
		if left == n {
			jobs[len(jobs)-1].ID = known
		}
		if _, err := client.EnqueueMany(ctx, jobs); err != nil {
			return err
		}
	}
	leased, _, err := client.Broker().Lease(ctx, name, 2*failed, time.Hour)
	for i, d := range leased {
		why := fmt.Errorf("POST https://shop.example/orders/%d: 503 Service Unavailable", i)
		if i%2 == 0 {
			err = errors.Join(err, client.Broker().Bury(ctx, d, queue.ReasonExhausted, why))
		} else {
			err = errors.Join(err, client.Broker().Retry(ctx, d, time.Hour, why))
		}
	}
	return err
}

// open watches with tabs, most on the Overview, until ctx ends.
func (at *scale) open(ctx context.Context) error {
	for i := range tabs {
		page := "/"
		switch i % 5 {
		case 3:
			page = "/queue?name=" + nameOf(i)
		case 4:
			page = []string{"/schedule?reach=24h", "/workers", "/charts?queue=" + nameOf(0), "/queues"}[i/5]
		}
		if err := watch(ctx, at.url+"/events"+page); err != nil {
			return err
		}
	}
	return nil
}

// pages are asked for one after another while tabs are open.
func pages(ctx context.Context, s *suite) (verdict, error) {
	at, err := s.scale(ctx)
	if err != nil {
		return verdict{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := at.open(ctx); err != nil {
		return verdict{}, err
	}
	name := nameOf(s.queues / 2)
	const bar, times = 200 * time.Millisecond, 5
	var slowest, worst time.Duration
	var which string
	all := []string{
		"/", "/queues", "/queue?name=" + name, "/queue?state=delayed&name=" + name, "/jobs", "/jobs?state=delayed&queue=" + name,
		"/jobs?state=dead", "/errors", "/schedule", "/schedule?reach=24h", "/schedule?reach=7d&queue=" + name, "/workers",
		"/producers", "/charts?queue=" + name, "/charts?range=30d&queue=" + name, "/redis",
		"/job?id=" + known + "&queue=" + name, "/jobs?find=" + known, "/alerts", "/journal", "/api/v1/queues", "/metrics",
	}
	for _, page := range all {
		var took []time.Duration
		for range times {
			begin := time.Now()
			status, _, err := get(ctx, at.url+page)
			if err != nil || status != http.StatusOK {
				return verdict{}, fmt.Errorf("%s: %d %w", page, status, err)
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		worst = max(worst, took[times-1])
		if took[times/2] > slowest {
			slowest, which = took[times/2], page
		}
	}
	text := fmt.Sprintf("%d jobs in %d queues, %d pages: the slowest %d ms (%s), one look at most %d ms",
		at.jobs, s.queues, len(all), slowest.Milliseconds(), which, worst.Milliseconds())
	return verdict{Figure: text, Pass: slowest < bar}, nil
}

// redisTime compares the processor time that Redis uses with tabs and without.
func redisTime(ctx context.Context, s *suite) (verdict, error) {
	at, err := s.scale(ctx)
	if err != nil {
		return verdict{}, err
	}
	const span, calm = 30 * time.Second, 20 * time.Second
	if err := pause(ctx, calm); err != nil { // until nobody counts as looking
		return verdict{}, err
	}
	without, err := at.used(ctx, span)
	if err != nil {
		return verdict{}, err
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := at.open(watching); err != nil {
		return verdict{}, err
	}
	with, err := at.used(ctx, span)
	if err != nil {
		return verdict{}, err
	}
	text := fmt.Sprintf("%.2f %% of a core, less %.2f %% without tabs = %.2f %%", with*100, without*100, (with-without)*100)
	return verdict{Figure: text, Pass: with-without < 0.02}, nil
}

// used is the share of a core that Redis has used over a while.
func (at *scale) used(ctx context.Context, span time.Duration) (float64, error) {
	before, err := at.seconds(ctx)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := pause(ctx, span); err != nil {
		return 0, err
	}
	after, err := at.seconds(ctx)
	return (after - before) / time.Since(begin).Seconds(), err
}

func (at *scale) seconds(ctx context.Context) (float64, error) {
	sum := 0.0
	for _, field := range []string{"used_cpu_sys", "used_cpu_user"} {
		text, err := at.server.InfoText(ctx, "cpu", field)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// engine measures enqueue and process at once, with tabs and without in turn.
func engine(ctx context.Context, s *suite) (verdict, error) {
	at, err := s.scale(ctx)
	if err != nil {
		return verdict{}, err
	}
	var with, without, ratios []float64
	for round := range s.rounds {
		// In turn first, so that what the machine does beside falls on both.
		for turn := range 2 {
			rate := &without
			watching, cancel := context.WithCancel(ctx)
			if (round+turn)%2 == 0 {
				rate = &with
				err = at.open(watching)
			}
			n := 0.0
			if err == nil {
				n, err = at.throughput(ctx)
			}
			cancel()
			if err != nil {
				return verdict{}, err
			}
			*rate = append(*rate, n)
		}
		ratios = append(ratios, with[round]/without[round])
	}
	// Of a machine whose speed drifts, two turns beside each other say more than the medians of all turns.
	ratio := medianOf(ratios)
	text := fmt.Sprintf("%.0f jobs/s, without tabs %.0f: %+.1f %%", medianOf(with), medianOf(without), (ratio-1)*100)
	return verdict{Figure: text, Pass: ratio >= 0.97}, nil
}

func medianOf(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// throughput is how many jobs a second are enqueued and run.
func (at *scale) throughput(ctx context.Context) (float64, error) {
	const span, settle, callers, slots = 4 * time.Second, time.Second, 32, 32
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := open(ctx, at.server.Addr)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	w, err := worker.New(client, worker.Config{Queues: map[string]int{"engine": 1}, Concurrency: slots, Logger: quiet()})
	if err != nil {
		return 0, err
	}
	var done atomic.Int64
	w.Handle(worker.AnyKind, worker.HandlerFunc(func(context.Context, *queue.Delivery) error {
		done.Add(1)
		return nil
	}))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	for range callers {
		group.Go(func() error {
			for ctx.Err() == nil {
				if _, err := client.Enqueue(ctx, queue.Job{Queue: "engine", Kind: "x"}); err != nil && ctx.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	err = pause(ctx, settle)
	before, begin := done.Load(), time.Now()
	err = errors.Join(err, pause(ctx, span))
	rate := float64(done.Load()-before) / time.Since(begin).Seconds()
	cancel()
	return rate, errors.Join(err, group.Wait())
}
