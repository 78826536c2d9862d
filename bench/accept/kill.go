package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/bench/redisproc"
	"github.com/dueq-io/dueq/bench/system"
)

const (
	killJobs  = 10
	killQueue = "kill"
	lease     = 3 * time.Second
	// killTimeout bounds each wait for the workers, well beyond the bar, so that a miss shows by how much.
	killTimeout = 20 * time.Second
)

// killed takes a worker away in the middle of its jobs, with a second one standing by.
func killed(ctx context.Context, _ *suite) (v verdict, err error) {
	server, err := redisproc.Start(ctx, redisproc.Memory)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := enqueueForKill(ctx, server.Addr); err != nil {
		return verdict{}, err
	}
	first, err := startWorker(ctx, server.Addr, true)
	if err != nil {
		return verdict{}, err
	}
	defer end(first)
	before, err := await(ctx, server.Admin, first.Process.Pid)
	if err != nil {
		return verdict{}, fmt.Errorf("before the kill: %w", err)
	}
	second, err := startWorker(ctx, server.Addr, false)
	if err != nil {
		return verdict{}, err
	}
	defer end(second)
	if err := server.Admin.BLPop(ctx, killTimeout, upKey(second.Process.Pid)).Err(); err != nil {
		return verdict{}, fmt.Errorf("the second worker did not start: %w", err)
	}
	// Long enough for the first worker's heartbeat to extend the leases: it is killed in full life.
	if err := pause(ctx, lease/3+500*time.Millisecond); err != nil {
		return verdict{}, err
	}
	return killAndWatch(ctx, server.Admin, first, second.Process.Pid, len(before))
}

func killAndWatch(
	ctx context.Context, rdb *redis.Client, first *exec.Cmd, second, before int,
) (verdict, error) {
	n, err := rdb.LLen(ctx, runsKey).Result()
	if err != nil {
		return verdict{}, err
	}
	if int(n) != before {
		return verdict{}, fmt.Errorf("%d jobs ran %d times before the kill", before, n)
	}
	start := time.Now()
	if err := first.Process.Kill(); err != nil {
		return verdict{}, err
	}
	again, err := await(ctx, rdb, second)
	if err != nil {
		return verdict{}, fmt.Errorf("after the kill: %w", err)
	}
	took, charged := time.Since(start), 0
	for _, r := range again {
		if r.failures > 0 {
			charged++
		}
	}
	text := fmt.Sprintf("%d again in %.2f s with a lease of %s, %d counted as failed",
		len(again), took.Seconds(), lease, charged)
	return verdict{Figure: text, Pass: took <= lease+time.Second && charged == 0}, nil
}

func enqueueForKill(ctx context.Context, addr string) (err error) {
	sys, err := system.Open(ctx, system.Dueq, addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	for i := range killJobs {
		if err := sys.Enqueue(ctx, system.Job{Queue: killQueue, Payload: []byte(strconv.Itoa(i))}); err != nil {
			return err
		}
	}
	return nil
}

// killRun is one start of a job, as the worker noted it.
type killRun struct {
	pid, failures int
	job           string
}

// await waits until the process has started every job, and returns the first start of each.
func await(ctx context.Context, rdb *redis.Client, pid int) (map[string]killRun, error) {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	seen := map[string]killRun{}
	for len(seen) < killJobs {
		notes, err := rdb.LRange(ctx, runsKey, 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("%d of %d jobs started: %w", len(seen), killJobs, err)
		}
		for _, note := range notes {
			var r killRun
			if _, err := fmt.Sscanf(note, runNote, &r.pid, &r.failures, &r.job); err != nil {
				return nil, fmt.Errorf("note %q: %w", note, err)
			}
			if _, known := seen[r.job]; r.pid == pid && !known {
				seen[r.job] = r
			}
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return nil, fmt.Errorf("%d of %d jobs started: %w", len(seen), killJobs, err)
		}
	}
	return seen, nil
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

// end makes sure that a worker does not outlive the row.
func end(worker *exec.Cmd) {
	// Both errors only say that it has ended already, or that it was killed, which is the point.
	_ = worker.Process.Kill()
	_ = worker.Wait()
}

func upKey(pid int) string { return "accept:up:" + strconv.Itoa(pid) }
