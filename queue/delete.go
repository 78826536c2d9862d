package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// DeleteQueue removes a queue with its settings, counts and kept jobs, in one step whose length does not depend
// on what the queue holds, and returns how many jobs went with it. It returns ErrNotEmpty for a queue that has
// jobs other than done ones, and ErrServed for one that a worker serves (of a worker with more than 100 queues
// the first 100 count), unless it is forced; ErrUnknownQueue says that there is no such queue.
//
// Whoever holds a lease of a job that went gets ErrLeaseLost, and a job enqueued afterwards begins the queue
// anew. After ErrUnknown and ErrUnavailable it may be repeated.
func (in *Inspector) DeleteQueue(ctx context.Context, queue string, force bool) (jobs int64, err error) {
	if err := checkQueue(queue); err != nil {
		return 0, err
	}
	flag := 1
	if !force {
		flag = 0
		if err := in.checkUnserved(ctx, queue); err != nil {
			return 0, err
		}
	}
	known, err := in.c.rdb.SIsMember(ctx, queuesKey(in.c.cfg.Namespace), queue).Result()
	if err != nil {
		_, err = classify(err)
		return 0, fmt.Errorf("delete queue %s: %w", queue, err)
	}
	words, err := in.c.Broker().numbers(ctx, deleteScript, queue, 3, flag)
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", queue, err)
	}
	refused, jobs, keys := words[0] == 1, words[1], words[2]
	switch {
	case refused:
		return 0, fmt.Errorf("delete queue %s: %w: %d", queue, ErrNotEmpty, jobs)
	case keys == 0 && !known:
		return 0, fmt.Errorf("delete queue %s: %w", queue, ErrUnknownQueue)
	}
	// What was begun is brought to its end, also when nobody waits for it any more: a name that was taken away
	// may have to be given back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opTimeout)
	defer cancel()
	if _, err := in.unname(ctx, queue); err != nil {
		return jobs, fmt.Errorf("delete queue %s: its name is left: %w", queue, err)
	}
	return jobs, nil
}

// checkUnserved returns ErrServed for a queue that a worker serves.
func (in *Inspector) checkUnserved(ctx context.Context, queue string) error {
	workers, err := in.Workers(ctx)
	if err != nil {
		return err
	}
	serving := 0
	for i := range workers {
		if _, ok := workers[i].Queues[queue]; ok {
			serving++
		}
	}
	if serving > 0 {
		return fmt.Errorf("delete queue %s: %w: %d", queue, ErrServed, serving)
	}
	return nil
}

// name adds a queue to the names, with a hint for the schedulers.
func (in *Inspector) name(ctx context.Context, name string) error {
	l := in.c.lineOf(name)
	l.registered.Store(false)
	return in.c.register(ctx, l)
}

// unname takes the name of a queue away that has nothing, and says whether it has nothing still. A queue whose
// first job comes at that moment is named again: by its producer, whose script says that it is the first, and
// here, since the producer may have come between.
func (in *Inspector) unname(ctx context.Context, name string) (gone bool, err error) {
	if err := in.c.rdb.SRem(ctx, queuesKey(in.c.cfg.Namespace), name).Err(); err != nil {
		_, err = classify(err)
		return false, fmt.Errorf("take name away: %w", err)
	}
	if used, err := in.inUse(ctx, name); err != nil || used {
		return false, in.name(ctx, name)
	}
	in.c.lineOf(name).registered.Store(false)
	return true, nil
}

// inUse says whether a queue has more than the sequence of its tokens, which outlives it.
func (in *Inspector) inUse(ctx context.Context, name string) (bool, error) {
	keys := maps.Clone(in.c.lineOf(name).shard.keys)
	meta := keys["meta"]
	delete(keys, "meta")
	pipe := in.c.rdb.Pipeline()
	there := pipe.Exists(ctx, slices.Collect(maps.Values(keys))...)
	set := pipe.HMGet(ctx, meta, "paused", "closed", "max_len")
	if err := exec(ctx, pipe); errors.Is(err, ErrWrongType) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("look for keys of queue %s: %w", name, err)
	}
	return there.Val() > 0 || slices.ContainsFunc(set.Val(), func(value any) bool { return value != nil }), nil
}
