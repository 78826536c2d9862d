package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var tenMillion = Row{
	Name:  "ten-million",
	Bar:   "10,000,000 delayed jobs: a mover's call <= 0.5 ms of Redis's time, enqueue p99 within 20% of an empty queue's, at most 400 bytes a job, all there after a restart",
	Break: holdMany,
}

const (
	promoteMost = 500 * time.Microsecond
	p99Most     = 1.2 // times that of an empty queue
	bytesMost   = 400 // a job of 100 bytes
	rounds      = 5   // of which the median counts: others use the machine too
)

// many is a queue with many jobs that are due in a day, and a client at it.
type many struct {
	*stage
	client *queue.Client
	jobs   int
}

func holdMany(ctx context.Context, r *Run) (err error) {
	// Nothing but this row decides when the AOF is rewritten.
	s, err := open(ctx, r, node.Config{AOF: node.Everysec, Args: []string{"--auto-aof-rewrite-percentage", "0"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	client, err := queue.Open(ctx, s.URL)
	if err != nil {
		return err
	}
	defer client.Close()
	m := &many{stage: s, client: client, jobs: r.Size(200_000, 10_000_000)}
	for _, step := range []func(context.Context) error{m.fill, m.move, m.compare, m.rewrite, m.restart} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fill enqueues all jobs and says what they cost.
func (m *many) fill(ctx context.Context) error {
	const batch, hands = 5000, 4
	began, before := time.Now(), m.number(ctx, "memory", "used_memory")
	var next, in atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	for range hands {
		group.Go(func() error {
			jobs := make([]queue.Job, batch)
			for n := int(next.Add(batch)) - batch; n < m.jobs; n = int(next.Add(batch)) - batch {
				for i := range jobs {
					delay := 24*time.Hour + time.Duration(n+i)*time.Millisecond
					jobs[i] = queue.Job{Queue: m.Queue, Kind: load.KindWork, Payload: make([]byte, 100), Delay: delay}
				}
				if _, err := m.client.EnqueueMany(groupCtx, jobs[:min(batch, m.jobs-n)]); err != nil {
					return err
				}
				if done := in.Add(batch); done%int64(max(m.jobs/10, batch)) == 0 {
					m.run.Say("%d of %d jobs after %v", done, m.jobs, time.Since(began).Round(time.Second))
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := m.allThere(ctx); err != nil {
		return err
	}
	each := (m.number(ctx, "memory", "used_memory") - before) / m.jobs
	m.run.Figure("%d jobs in %v, %d bytes each, RSS %d MiB", m.jobs, time.Since(began).Round(time.Second), each,
		m.number(ctx, "memory", "used_memory_rss")>>20)
	m.run.Require(each <= bytesMost, "a job takes %d bytes of Redis", each)
	return nil
}

// allThere returns an error where not all jobs are delayed.
func (m *many) allThere(ctx context.Context) error {
	q, err := m.client.Inspector().Queue(ctx, m.Queue)
	if err == nil && q.Delayed < int64(m.jobs) {
		err = fmt.Errorf("%d of %d jobs are there", q.Delayed, m.jobs)
	}
	return err
}

// number is a field of INFO, -1 where there is none.
func (m *many) number(ctx context.Context, section, name string) int {
	for _, fields := range m.redis.Client().InfoMap(ctx, section).Val() {
		if n, err := strconv.Atoi(fields[name]); err == nil {
			return n
		}
	}
	return -1
}

// compare enqueues single jobs by turns into the full queue and into an empty one, so that what disturbs
// the machine meets both.
func (m *many) compare(ctx context.Context) error {
	var full []time.Duration
	var ratios []float64
	for round := range rounds {
		empty := "empty" + strconv.Itoa(round)
		took := map[string][]time.Duration{}
		for n := range m.run.Size(2000, 10_000) {
			first, second := m.Queue, empty
			if n%2 == 1 {
				first, second = second, first
			}
			for _, name := range []string{first, second} {
				began := time.Now()
				_, err := m.client.Enqueue(ctx, queue.Job{
					Queue: name, Kind: load.KindWork, Payload: make([]byte, 100), Delay: 25 * time.Hour,
				})
				if err != nil {
					return err
				}
				took[name] = append(took[name], time.Since(began))
			}
		}
		p99 := map[string]time.Duration{}
		for name, all := range took {
			slices.Sort(all)
			p99[name] = checker.Quantile(all, 0.99)
		}
		m.run.Say("enqueue p99 %v", p99)
		full = append(full, p99[m.Queue])
		ratios = append(ratios, float64(p99[m.Queue])/float64(p99[empty]))
	}
	ratio := median(ratios)
	m.run.Figure("enqueue p99 %v, %+.0f%% of an empty queue's", median(full).Round(time.Microsecond), 100*(ratio-1))
	m.run.Timely(ratio <= p99Most, "enqueue p99 is %.2f times an empty queue's", ratio)
	return nil
}

func median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

// rewrite has Redis write its AOF anew while jobs come in, and says what memory that took beside.
func (m *many) rewrite(ctx context.Context) error {
	if err := m.redis.Client().BgRewriteAOF(ctx).Err(); err != nil {
		return err
	}
	began := time.Now()
	for n := 0; m.number(ctx, "persistence", "aof_rewrite_in_progress") != 0 || n == 0; n++ {
		_, err := m.client.Enqueue(ctx, queue.Job{
			Queue: m.Queue, Kind: load.KindWork, Payload: make([]byte, 100), Delay: time.Duration(25+n%24) * time.Hour,
		})
		if err != nil {
			return err
		}
	}
	m.run.Require(m.redis.Client().InfoMap(ctx, "persistence").Val()["Persistence"]["aof_last_bgrewrite_status"] == "ok",
		"the AOF could not be rewritten")
	m.run.Figure("AOF rewritten in %v, %d MiB copied on write", time.Since(began).Round(100*time.Millisecond),
		m.number(ctx, "persistence", "aof_last_cow_size")>>20)
	return nil
}

// restart kills Redis and says how long it reads its AOF.
func (m *many) restart(ctx context.Context) error {
	began := time.Now()
	if err := m.redis.Restart(ctx); err != nil {
		return err
	}
	m.run.Figure("back %v after a kill", time.Since(began).Round(100*time.Millisecond))
	if err := m.allThere(ctx); err != nil {
		m.run.Require(false, "after the restart: %v", err)
	}
	return nil
}
