package fault

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var hugePayloads = Row{
	Name:  "huge-payloads",
	Bar:   "the largest payload comes back whole, one byte more is refused before it is sent, 100 producers of it: memory bounded, 0 lost",
	Break: sendHuge,
}

const (
	largest        = 1 << 20  // queue.Config.MaxPayload by default
	largestAllowed = 64 << 20 // and at most
	hugeProducers  = 100
	hugeRunning    = 16 // of a worker
	// A producer holds each payload and the record made of it, and Go's heap grows to twice what is in
	// use before it is collected; a worker holds each payload, and the copy that this harness compares
	// it with. A process that kept what it has sent or run would hold all jobs.
	producerMost = 4*hugeProducers*largest + 128<<20
	workerMost   = 4*hugeRunning*largest + 128<<20
)

func sendHuge(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, size := range []int{largest, largestAllowed} {
		if err := s.atLimit(ctx, size); err != nil {
			return err
		}
	}
	workers, err := s.workers(2, load.WorkerConfig{Concurrency: hugeRunning})
	if err != nil {
		return err
	}
	jobs := r.Size(1_000, 10_000)
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Goroutines: hugeProducers, Payload: largest, Retain: -1,
	})
	if err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	for _, w := range workers {
		if err := w.Stop(); err != nil {
			return err
		}
	}
	if err := s.judgeMemory(producer); err != nil {
		return err
	}
	return r.overSlowLink(ctx)
}

// overSlowLink lets a worker with many free slots take large payloads from afar: together they come
// later than any time-out.
func (r *Run) overSlowLink(ctx context.Context) (err error) {
	const rate, jobs = 10_000, 100 // KB/s: a link of 100 Mbit/s
	s, proxy, err := openBehindProxy(ctx, r)
	if err != nil {
		return err
	}
	defer proxy.Close()
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Lease = queue.DefaultLease // a link that is slow for a lease of 2 s is another matter
	producer, err := s.Producer(load.ProducerConfig{Jobs: jobs, Payload: largest, Retain: -1})
	if err != nil {
		return err
	}
	if err := producer.Wait(); err != nil {
		return err
	}
	if err := proxy.Throttle(rate); err != nil {
		return err
	}
	began := time.Now()
	if _, err := s.workers(1, load.WorkerConfig{Concurrency: jobs}); err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	r.Figure("%v over 100 Mbit/s", time.Since(began).Round(100*time.Millisecond))
	r.Require(report.Charged == 0, "%d jobs were charged for a slow link", report.Charged)
	return nil
}

// atLimit hands in a payload of the limit, leases it and compares; one byte more must not leave the process.
func (s *stage) atLimit(ctx context.Context, limit int) error {
	client, err := queue.Config{MaxPayload: limit}.Open(ctx, s.URL)
	if err != nil {
		return err
	}
	defer client.Close()
	payload := make([]byte, limit+1)
	_, _ = crand.Read(payload) // it never fails
	job := queue.Job{Queue: "limit", Kind: load.KindWork, Payload: payload[:limit]}
	if _, err := client.Enqueue(ctx, job); err != nil {
		return fmt.Errorf("a payload of %d bytes: %w", limit, err)
	}
	leased, _, err := client.Broker().Lease(ctx, job.Queue, 1, queue.DefaultLease)
	if err != nil || len(leased) != 1 {
		return fmt.Errorf("%d of 1 jobs were leased: %w", len(leased), err)
	}
	s.run.Require(bytes.Equal(leased[0].Payload, job.Payload), "a payload of %d bytes came back as another", limit)
	if err := client.Broker().Ack(ctx, leased[0]); err != nil {
		return err
	}
	before, err := s.received(ctx)
	if err != nil {
		return err
	}
	job.Payload = payload
	_, one := client.Enqueue(ctx, job)
	_, many := client.EnqueueMany(ctx, []queue.Job{job})
	after, err := s.received(ctx)
	if err != nil {
		return err
	}
	s.run.Require(errors.Is(one, queue.ErrTooLarge) && errors.Is(many, queue.ErrTooLarge), "%d bytes answered %v and %v", limit+1, one, many)
	s.run.Require(after-before < 1<<10, "%d bytes were sent to refuse a payload", after-before)
	return nil
}

// received is how many bytes Redis has got so far.
func (s *stage) received(ctx context.Context) (int, error) {
	return strconv.Atoi(s.redis.Client().InfoMap(ctx, "stats").Val()["Stats"]["total_net_input_bytes"])
}

// judgeMemory looks at the most that the processes which have ended used.
func (s *stage) judgeMemory(producer *load.Process) error {
	records, err := s.History()
	if err != nil {
		return err
	}
	sending, working := 0, 0
	for _, e := range records {
		switch {
		case e.Type != history.PeakMemory:
		case e.Worker == producer.Number:
			sending = int(e.Aux) << 10
		default:
			working = max(working, int(e.Aux)<<10)
		}
	}
	r := s.run
	r.Figure("at most %d MiB in the producer and %d MiB in a worker", sending>>20, working>>20)
	r.Require(sending > 0 && sending <= producerMost, "the producer used %d MiB, of at most %d", sending>>20, producerMost>>20)
	r.Require(working > 0 && working <= workerMost, "a worker used %d MiB, of at most %d", working>>20, workerMost>>20)
	return nil
}
