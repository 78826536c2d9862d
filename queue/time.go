package queue

import (
	"context"
	"fmt"
	"time"
)

// Promotion is what one Promote did.
type Promotion struct {
	// Moved is how many jobs became ready.
	Moved int
	// Next is the time until the next job of the queue is due, 0 when one is due already. It is
	// negative when none waits.
	Next time.Duration
}

// Promote makes up to limit due jobs of a queue ready, 1 to 500 of those delayed and as many of those
// retrying. Any number of processes may call it.
func (b *Broker) Promote(ctx context.Context, queue string, limit int) (Promotion, error) {
	if err := checkLimit(queue, limit); err != nil {
		return Promotion{}, err
	}
	words, err := b.numbers(ctx, promoteScript, queue, 2, limit)
	if err != nil {
		return Promotion{}, err
	}
	return Promotion{Moved: int(words[0]), Next: time.Duration(words[1]) * time.Microsecond}, nil
}

// ReapConfig is how Reap judges.
type ReapConfig struct {
	// Limit is how many leases one call ends, 1 to 500. Default: 100.
	Limit int
	// MaxLost is how many workers may be lost with a job until it is dead. Default: 3. A job that was leased as
	// a suspect is not dead where its handler had not begun; see Broker.Begin.
	MaxLost int
	// Stall is the time without any Reap of the queue after which Redis is taken to have been away. A
	// caller who comes less often than that ends each lease a Grace later. Default: 10 s.
	Stall time.Duration
	// Grace is how long live workers then have for a heartbeat, before leases that ran out meanwhile
	// are ended. Default: 3 s.
	Grace time.Duration
}

func (r ReapConfig) withDefaults() ReapConfig {
	if r.Limit == 0 {
		r.Limit = 100
	}
	if r.MaxLost == 0 {
		r.MaxLost = 3
	}
	if r.Stall == 0 {
		r.Stall = 10 * time.Second
	}
	if r.Grace == 0 {
		r.Grace = 3 * time.Second
	}
	return r
}

// Reaping is what one Reap did.
type Reaping struct {
	// Readied is how many jobs are ready again, Buried how many are dead as a crash loop.
	Readied, Buried int
	// Next is the time until the next lease may run out, negative when no job is leased.
	Next time.Duration
}

// Reap ends leases that have run out. Any number of processes may call it: the script decides by what
// it reads itself.
func (b *Broker) Reap(ctx context.Context, queue string, cfg ReapConfig) (Reaping, error) {
	cfg = cfg.withDefaults()
	if err := checkLimit(queue, cfg.Limit); err != nil {
		return Reaping{}, err
	}
	words, err := b.numbers(ctx, reapScript, queue, 3,
		cfg.Limit, cfg.MaxLost, cfg.Stall.Milliseconds(), cfg.Grace.Milliseconds(), suspectAfter)
	if err != nil {
		return Reaping{}, err
	}
	return Reaping{
		Readied: int(words[0]), Buried: int(words[1]), Next: time.Duration(words[2]) * time.Millisecond,
	}, nil
}

// PurgeConfig is what Purge removes. Jobs in done also go when their own Retain is over.
type PurgeConfig struct {
	// Limit is how many jobs of each kind one call removes, 1 to 500. Default: 100.
	Limit int
	// DeadAge is how long dead jobs are kept. Negative: for ever. Zero: not at all.
	DeadAge time.Duration
	// DeadKeep is how many dead jobs are kept at most, the newest. Negative: any number.
	DeadKeep int
	// DoneKeep is how many done jobs are kept at most, those with the longest to go. Negative: any
	// number.
	DoneKeep int
	// LockCursor and MarkCursor go on where the Purged of the call before stopped.
	LockCursor, MarkCursor string
}

// Purged is what one Purge removed.
type Purged struct {
	// Dead and Done are jobs, Locks unique locks whose window is over, Marks marks of idempotency
	// whose time is over.
	Dead, Done, Locks, Marks int
	// LockCursor and MarkCursor are for the PurgeConfig of the next call.
	LockCursor, MarkCursor string
}

// Purge removes a bounded number of jobs, locks and marks whose time is over.
func (b *Broker) Purge(ctx context.Context, queue string, cfg PurgeConfig) (Purged, error) {
	if cfg.Limit == 0 {
		cfg.Limit = 100
	}
	if err := checkLimit(queue, cfg.Limit); err != nil {
		return Purged{}, err
	}
	age := cfg.DeadAge.Milliseconds()
	if cfg.DeadAge < 0 {
		age = -1
	}
	args := []any{b.c.shift(), cfg.Limit, age, cfg.DeadKeep, cfg.DoneKeep, orZero(cfg.LockCursor), orZero(cfg.MarkCursor)}
	reply, err := b.c.run(ctx, b.c.lineOf(queue).shard, purgeScript, args)
	if err != nil {
		return Purged{}, err
	}
	words, ok := reply.([]any)
	if !ok || len(words) != 6 {
		return Purged{}, fmt.Errorf("purge: unexpected reply %v", reply)
	}
	n := make([]int, 4)
	for i := range n {
		count, _ := words[i].(int64)
		n[i] = int(count)
	}
	p := Purged{Dead: n[0], Done: n[1], Locks: n[2], Marks: n[3]}
	p.LockCursor, _ = words[4].(string)
	p.MarkCursor, _ = words[5].(string)
	return p, nil
}

func orZero(cursor string) string {
	if cursor == "" {
		return "0"
	}
	return cursor
}

func checkLimit(queue string, limit int) error {
	if err := checkQueue(queue); err != nil {
		return err
	}
	if limit < 1 || limit > maxBatch {
		return fmt.Errorf("%w: limit %d: want 1 to %d", ErrInvalid, limit, maxBatch)
	}
	return nil
}

// numbers runs a script that answers with a fixed number of numbers.
func (b *Broker) numbers(ctx context.Context, sc *script, queue string, want int, args ...any) ([]int64, error) {
	reply, err := b.c.run(ctx, b.c.lineOf(queue).shard, sc, append([]any{b.c.shift()}, args...))
	if err != nil {
		return nil, err
	}
	words, ok := reply.([]any)
	if !ok || len(words) != want {
		return nil, fmt.Errorf("%s: unexpected reply %v", sc.verb, reply)
	}
	out := make([]int64, want)
	for i, word := range words {
		if out[i], ok = word.(int64); !ok {
			return nil, fmt.Errorf("%s: unexpected reply %v", sc.verb, reply)
		}
	}
	return out, nil
}
