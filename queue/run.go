package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxBackoff is short, since work is to go on within 2 s of Redis's return, of which go-redis may take one
// until it looks for the server again.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 600 * time.Millisecond
)

// run carries out a script on a shard. It repeats only what Redis is known not to have run; after
// anything else the outcome is ErrUnknown.
func (c *Client) run(ctx context.Context, s *shard, sc *script, args []any) (any, error) {
	for attempt := 0; ; attempt++ {
		err := c.vet(ctx, s)
		var reply any
		if err == nil {
			reply, err = c.runOnce(ctx, s, sc, args)
		}
		if err == nil || errors.Is(err, ErrUnconfirmed) {
			return reply, err
		}
		again, err := classify(err)
		if errors.Is(err, ErrWrongType) {
			s.vetted.Store(false)
		}
		if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) {
			c.relearn(ctx)
		}
		if !again || attempt >= c.cfg.Retries || ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", sc.verb, err)
		}
		if !sleep(ctx, retryPause(attempt)) {
			return nil, fmt.Errorf("%s: %w", sc.verb, err)
		}
	}
}

// relearn has the client of a Cluster ask, in the background, which node has which slot. go-redis by itself
// asks once a minute, and when it follows a redirection: not when a master is dead, nor where we call a
// node past it, as runConfirmed does.
func (c *Client) relearn(ctx context.Context) {
	if cluster, ok := c.rdb.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

func (c *Client) runOnce(ctx context.Context, s *shard, sc *script, args []any) (any, error) {
	src := sc.source
	if c.embedded != nil {
		src = sc.plain
	}
	confirm := sc == enqueueScript && c.cfg.Durability != Durability{}
	if confirm {
		return c.runConfirmed(ctx, s, sc, src, args)
	}
	keys := s.sets[sc]
	reply, err := c.rdb.EvalSha(ctx, src.sha, keys, args...).Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = c.rdb.Eval(ctx, src.text, keys, args...).Result()
	}
	return reply, err
}

// runConfirmed sends the script and the wait for its durability down one connection: WAIT speaks of
// the writes of its own connection.
func (c *Client) runConfirmed(ctx context.Context, s *shard, sc *script, src source, args []any) (any, error) {
	node, err := c.nodeOf(ctx, s.keys["jobs"])
	if err != nil {
		return nil, err
	}
	keys, d := s.sets[sc], c.cfg.Durability
	ctx, cancel := context.WithTimeout(ctx, d.within+opTimeout)
	defer cancel()
	send := func(script func(redis.Pipeliner) *redis.Cmd) (any, *redis.Cmd, error) {
		var reply, confirmed *redis.Cmd
		_, _ = node.Pipelined(ctx, func(p redis.Pipeliner) error {
			reply = script(p)
			if d.fsync {
				confirmed = p.Do(ctx, "WAITAOF", 1, d.replicas, d.within.Milliseconds())
			} else {
				confirmed = p.Do(ctx, "WAIT", d.replicas, d.within.Milliseconds())
			}
			return nil
		})
		answer, err := reply.Result()
		return answer, confirmed, err
	}
	answer, confirmed, err := send(func(p redis.Pipeliner) *redis.Cmd { return p.EvalSha(ctx, src.sha, keys, args...) })
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		answer, confirmed, err = send(func(p redis.Pipeliner) *redis.Cmd { return p.Eval(ctx, src.text, keys, args...) })
	}
	if err != nil {
		return nil, err
	}
	return answer, d.verdict(confirmed)
}

// verdict turns the answer of WAIT or WAITAOF into nil or an UnconfirmedError.
func (d Durability) verdict(confirmed *redis.Cmd) error {
	want, got := max(d.replicas, 1), 0
	if d.fsync {
		if counts, err := confirmed.Int64Slice(); err == nil && len(counts) > 0 {
			got = int(counts[0])
		}
	} else if n, err := confirmed.Int(); err == nil {
		got = n
	}
	if got >= want {
		return nil
	}
	return &UnconfirmedError{Want: want, Got: got}
}

// nodeOf returns a client whose pipelines go to the master of a key over one connection.
func (c *Client) nodeOf(ctx context.Context, key string) (redis.UniversalClient, error) {
	if cluster, ok := c.rdb.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return c.rdb, nil
}

// notRun are the answers by which Redis says that it has not begun a script.
var notRun = []string{
	"LOADING", "READONLY", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "MISCONF",
	"MOVED", "ASK", "NOSCRIPT",
}

// classify maps an error of go-redis to one of ours, and says whether the call is known not to have
// run and may succeed when repeated.
func classify(err error) (again bool, ours error) {
	var dial *net.OpError
	switch {
	case errors.Is(err, ErrWrongType):
		return false, err
	case redis.HasErrorPrefix(err, "OOM"):
		return false, fmt.Errorf("%w: %w", ErrRedisFull, err)
	case redis.HasErrorPrefix(err, "WRONGTYPE"), strings.Contains(err.Error(), "WRONGTYPE"):
		return false, fmt.Errorf("%w: %w", ErrWrongType, err)
	case errors.As(err, &dial) && dial.Op == "dial", errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return true, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, prefix := range notRun {
		if redis.HasErrorPrefix(err, prefix) {
			return true, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	if _, ok := errors.AsType[redis.Error](err); ok {
		return false, err
	}
	return false, fmt.Errorf("%w: %w", ErrUnknown, err)
}

// retryPause is the wait before a call is repeated, doubled from one to the next up to a limit, and spread
// by a fifth to both sides, so that clients that failed together do not return together.
func retryPause(attempt int) time.Duration {
	d := firstBackoff
	for ; attempt > 0 && d < maxBackoff; attempt-- {
		d *= 2
	}
	d = min(d, maxBackoff)
	return d - d/5 + rand.N(2*d/5+1)
}

// sleep waits for d, and says false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
