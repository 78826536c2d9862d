package fault

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var diskFull = Row{
	Share: Quiet,
	Name:  "disk-full",
	Bar:   "enqueue answers MISCONF, idle workers ask Redis at most 50 times a second, all goes on when there is room, 0 lost",
	Break: fillDisk,
}

func fillDisk(ctx context.Context, r *Run) (err error) {
	const askedMost = 50
	cfg := load.WorkerConfig{Concurrency: 32}
	s, err := open(ctx, r, node.Config{AOF: node.Everysec, Shim: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.workers(1, cfg); err != nil {
		return err
	}
	jobs, full := r.Size(4_000, 40_000), time.Duration(r.Size(6, 30))*time.Second
	producer, err := s.Producer(load.ProducerConfig{Jobs: uint32(jobs), Goroutines: 4, PerSecond: r.Size(500, 1000), Delay: time.Second})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	s.RedisFault()
	if err := s.redis.FillDisk(true); err != nil {
		return err
	}
	refused, err := s.awaitFull(ctx)
	if err != nil {
		return err
	}
	r.Say("enqueue answers: %v", refused)
	r.Require(strings.Contains(refused.Error(), "MISCONF"), "a full disk answered %v", refused)
	r.Require(!errors.Is(refused, queue.ErrRedisFull), "a full disk is told as full memory: %v", refused)
	// Producers and the probe ask as well: the rate is that of all together.
	began := time.Now()
	before := s.rejections(ctx)
	if err := wait(ctx, full); err != nil {
		return err
	}
	rate := float64(s.rejections(ctx)-before) / time.Since(began).Seconds()
	r.Show(rate > 0, "nobody asked while the disk was full")
	r.Require(rate <= askedMost, "Redis refused %.0f calls a second: somebody does not wait", rate)
	if err := s.redis.FillDisk(false); err != nil {
		return err
	}
	s.RedisHealed()
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	r.Figure("full for %v, %.0f refused calls a second", full, rate)
	return nil
}

// rejections is how many calls Redis answered with MISCONF so far.
func (s *stage) rejections(ctx context.Context) int {
	info := s.redis.Client().InfoMap(ctx, "errorstats").Val()
	count := 0
	for name, value := range info["Errorstats"] {
		if strings.HasSuffix(name, "MISCONF") {
			count = errorCount(value)
		}
	}
	return count
}

// errorCount reads count=7.
func errorCount(value string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(value, "count="))
	if err != nil {
		return 0 // an answer without a count counts nothing
	}
	return n
}
