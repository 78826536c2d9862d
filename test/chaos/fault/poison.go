package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var poison = Row{
	Share: Quiet,
	Name:  "poison",
	Bar:   "payloads that end their process, never return or cannot be decoded are dead after 3; others are unaffected",
	Break: feedPoison,
}

const garbage = "\xffnot an envelope"

func feedPoison(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	jobs, each := uint32(r.Size(2_000, 10_000)), uint32(r.Size(3, 30))
	kinds := []load.ProducerConfig{
		{Jobs: jobs, PerSecond: 500},
		{First: jobs, Jobs: each, PerSecond: 2, Kind: load.KindExit},
		{First: jobs + each, Jobs: each, PerSecond: 10, Kind: load.KindSpin},
	}
	supervised, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.supervise(supervised, 4) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()
	var producers []*load.Process
	for _, cfg := range kinds {
		p, err := s.Producer(cfg)
		if err != nil {
			return err
		}
		producers = append(producers, p)
	}
	first := jobs + 2*each
	if err := s.plant(ctx, first, each); err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{}, producers...)
	if err != nil {
		return err
	}
	r.soundly(report, int(jobs+2*each))
	r.Figure("%d dead of %d poisonous", report.Dead, 2*each)
	r.Require(report.Dead == int(2*each), "%d jobs are dead, not the %d that are poisonous", report.Dead, 2*each)
	return s.wantDead(ctx, jobs, each)
}

// supervise keeps n workers running, as a process supervisor would, until ctx ends.
func (s *stage) supervise(ctx context.Context, n int) error {
	cfg := load.WorkerConfig{Concurrency: 64, MaxRuntime: time.Second, Grace: time.Second}
	failed := make(chan error, n)
	for range n {
		go func() {
			for ctx.Err() == nil {
				p, err := s.Worker(cfg)
				if err != nil {
					failed <- err
					return
				}
				select {
				case <-p.Done():
					p.Lost()
				case <-ctx.Done():
				}
			}
			failed <- nil
		}()
	}
	var errs []error
	for range n {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// plant puts ready jobs into the queue whose records cannot be decoded.
func (s *stage) plant(ctx context.Context, first, n uint32) error {
	now := fmt.Sprintf("%013d", time.Now().UnixMilli())
	_, err := s.redis.Client().TxPipelined(ctx, func(p redis.Pipeliner) error {
		for seq := first; seq < first+n; seq++ {
			id := "j" + strconv.FormatUint(uint64(seq), 10)
			p.HSet(ctx, "dueq:{"+s.Queue+"}:jobs", id, garbage)
			p.RPush(ctx, "dueq:{"+s.Queue+"}:ready", now+now+id)
		}
		return nil
	})
	return err
}

// wantDead requires that poison is dead for the right reason, and that what could not be decoded is
// still there byte for byte.
func (s *stage) wantDead(ctx context.Context, first, each uint32) error {
	client, err := queue.Open(ctx, s.URL)
	if err != nil {
		return err
	}
	defer client.Close()
	for seq := first; seq < first+3*each; seq++ {
		id := "j" + strconv.FormatUint(uint64(seq), 10)
		want := queue.ReasonCrashLoop
		if seq >= first+2*each {
			want = queue.ReasonDamaged
			kept, err := s.redis.Client().HGet(ctx, "dueq:{"+s.Queue+"}:jobs", id).Result()
			s.run.Require(err == nil && kept == garbage, "the bytes of %s are %q: %v", id, kept, err)
		}
		info, err := client.Inspector().Job(ctx, s.Queue, id)
		s.run.Require(info.State == queue.Dead && info.Reason == want, "%s is %s, %q, not dead as %s: %v",
			id, info.State, info.Reason, want, err)
	}
	return nil
}
