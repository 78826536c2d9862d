package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// fleetKey holds the IDs of all programs that beat, and of some that are gone: a ZSET by when they began,
// outside every shard.
func fleetKey(namespace string) string { return namespace + ":fleet" }

// beatKey is what one program says of itself: a STRING that is gone a while after its last beat. It holds a
// record as JSON, and after it on a line each what operators have asked for since.
func beatKey(namespace, process string) string { return fleetKey(namespace) + ":" + process }

// record is what a program says of itself.
type record struct {
	Process
	Workers    []workerRecord    `json:"workers,omitempty"`
	Schedulers []SchedulerReport `json:"schedulers,omitempty"`
	Produced   []Produced        `json:"produced,omitempty"`
	// Enqueued and Rejected are of all queues, also those that Produced leaves out.
	Enqueued int64 `json:"enqueued,omitempty"`
	Rejected int64 `json:"rejected,omitempty"`
}

type workerRecord struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	WorkerReport
}

// wish is what an operator asks a worker for.
type wish struct {
	Worker string      `json:"worker"`
	State  WorkerState `json:"state"`
}

// parseRecord reads the record in the value of a beat key.
func parseRecord(value string) (r record, err error) {
	said, _, _ := strings.Cut(value, "\n")
	err = json.Unmarshal([]byte(said), &r)
	if r.Every < minBeat || r.Every > maxBeat {
		r.Every = defaultBeat
	}
	return r, err
}

// parseWishes reads the wishes in the value of a beat key. Those that cannot be read are none.
func parseWishes(value string) (wishes []wish) {
	_, asked, _ := strings.Cut(value, "\n")
	for line := range strings.SplitSeq(asked, "\n") {
		var w wish
		if json.Unmarshal([]byte(line), &w) == nil {
			wishes = append(wishes, w)
		}
	}
	return wishes
}

// Fleet returns all workers, producers and schedulers that are alive, by host, PID and ID. It is two round
// trips, whatever their number.
func (in *Inspector) Fleet(ctx context.Context) (Fleet, error) {
	var f Fleet
	records, now, err := in.records(ctx)
	if err != nil {
		return f, fmt.Errorf("read fleet: %w", err)
	}
	f.Now = now
	for i := range records {
		r := &records[i]
		for _, w := range r.Workers {
			f.Workers = append(f.Workers, WorkerInfo{r.Process, w.ID, w.Name, w.WorkerReport})
		}
		for _, s := range r.Schedulers {
			f.Schedulers = append(f.Schedulers, SchedulerInfo{r.Process, s})
		}
		if len(r.Produced) > 0 {
			f.Producers = append(f.Producers, ProducerInfo{r.Process, r.Produced, r.Enqueued, r.Rejected})
		}
	}
	return f, nil
}

// records reads what all programs say that are alive, and Redis's time.
func (in *Inspector) records(ctx context.Context) ([]record, time.Time, error) {
	c := in.c
	ids, err := c.rdb.ZRange(ctx, fleetKey(c.cfg.Namespace), 0, -1).Result()
	if err != nil {
		_, err = classify(err)
		return nil, time.Time{}, err
	}
	// The list is open to anyone who can reach Redis: an ID that is none must not become a key.
	ids = slices.DeleteFunc(ids, func(id string) bool { return !validName(id) })
	pipe := c.rdb.Pipeline()
	now := pipe.Time(ctx)
	values, left := make([]*redis.StringCmd, len(ids)), make([]*redis.DurationCmd, len(ids))
	for i, id := range ids {
		key := beatKey(c.cfg.Namespace, id)
		values[i], left[i] = pipe.Get(ctx, key), pipe.PTTL(ctx, key)
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, time.Time{}, err
	}
	var out []record
	for i, id := range ids {
		r, err := parseRecord(values[i].Val())
		if err != nil || left[i].Val() <= 0 {
			continue // gone, or nothing of ours
		}
		r.ID, r.Beat = id, now.Val().Add(left[i].Val()-beatLife*r.Every)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.ID, b.ID))
	})
	return out, now.Val(), nil
}

// Workers returns the workers that are alive.
func (in *Inspector) Workers(ctx context.Context) ([]WorkerInfo, error) {
	f, err := in.Fleet(ctx)
	return f.Workers, err
}

// Producers returns the programs that are alive and have enqueued jobs.
func (in *Inspector) Producers(ctx context.Context) ([]ProducerInfo, error) {
	f, err := in.Fleet(ctx)
	return f.Producers, err
}

// Schedulers returns the schedulers that are alive.
func (in *Inspector) Schedulers(ctx context.Context) ([]SchedulerInfo, error) {
	f, err := in.Fleet(ctx)
	return f.Schedulers, err
}

// QuietWorker asks a worker, by WorkerInfo.ID, to lease no more jobs until it is started anew; those that run
// go on. The worker hears it with its next beat, within about a second, and shows it in its State: ask again
// where it does not. It returns ErrNoWorker when none of that ID is alive.
func (in *Inspector) QuietWorker(ctx context.Context, id string) error {
	return in.ask(ctx, wish{id, WorkerQuiet})
}

// StopWorker asks a worker to stop as if its context had ended: it lets handlers finish for its grace time, and
// its Run returns. It is heard like QuietWorker, and returns ErrNoWorker when none of that ID is alive.
func (in *Inspector) StopWorker(ctx context.Context, id string) error {
	return in.ask(ctx, wish{id, WorkerStopping})
}

// ask adds a wish to what the worker's program says of itself, which it reads with its next beat.
func (in *Inspector) ask(ctx context.Context, w wish) error {
	process, _, ok := strings.Cut(w.Worker, "/")
	if !ok || !validName(process) {
		return fmt.Errorf("worker %q: %w", w.Worker, ErrNoWorker)
	}
	key := beatKey(in.c.cfg.Namespace, process)
	line, err := json.Marshal(w)
	if err != nil {
		return err
	}
	add := func(tx *redis.Tx) error {
		value, err := tx.Get(ctx, key).Result()
		if err != nil {
			return err
		}
		r, err := parseRecord(value)
		if err != nil || !slices.ContainsFunc(r.Workers, func(known workerRecord) bool { return known.ID == w.Worker }) {
			return redis.Nil
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Append(ctx, key, "\n"+string(line)).Err() })
		return err
	}
	for {
		// A beat that comes between is no reason to fail: the next is a second away.
		err := in.c.rdb.Watch(ctx, add, key)
		switch {
		case errors.Is(err, redis.TxFailedErr) && ctx.Err() == nil:
			continue
		case err == nil:
			return nil
		case isNil(err):
			return fmt.Errorf("worker %q: %w", w.Worker, ErrNoWorker)
		}
		_, err = classify(err)
		return fmt.Errorf("ask worker %q to be %s: %w", w.Worker, w.State, err)
	}
}
