package queue

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// beatLife is for how many beats a program is taken to be alive after one.
	beatLife = 10
	// beatTimeout bounds what one beat waits for, leaveTimeout what a clean stop does.
	beatTimeout  = 2 * time.Second
	leaveTimeout = time.Second
)

// beat says what the program does, and hears what operators have asked for since the last beat: the answer is
// what was there before, with their wishes.
func (m *membership) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	m.beating.Lock()
	value, err := json.Marshal(m.record(time.Now()))
	var before string
	if err == nil {
		m.known = true // also when the answer is lost
		before, err = m.c.rdb.SetArgs(ctx, beatKey(m.c.cfg.Namespace, m.process.ID), value,
			redis.SetArgs{TTL: beatLife * m.c.cfg.Beat, Get: true}).Result()
	}
	if isNil(err) || err == nil && !m.introduced {
		err = m.introduce(ctx)
		m.introduced = err == nil
	}
	m.beating.Unlock()
	if err != nil {
		return err
	}
	for _, w := range parseWishes(before) {
		m.hear(w)
	}
	return nil
}

func (m *membership) hear(w wish) {
	m.mu.Lock()
	i := slices.IndexFunc(m.workers, func(known *joinedWorker) bool { return known.id == w.Worker })
	var tell func(WorkerState)
	if i >= 0 {
		tell = m.workers[i].wish
	}
	m.mu.Unlock()
	if tell != nil && (w.State == WorkerQuiet || w.State == WorkerStopping) {
		tell(w.State)
	}
}

// sweepSample is how many programs are looked at each time one introduces itself: more than one, so that
// those that ended without a word do not gather.
const sweepSample = 10

// introduce adds the program to those that are looked for, and removes a few that are gone.
func (m *membership) introduce(ctx context.Context) error {
	key := fleetKey(m.c.cfg.Namespace)
	self := redis.Z{Score: float64(m.process.Started.UnixMilli()), Member: m.process.ID}
	if err := m.c.rdb.ZAdd(ctx, key, self).Err(); err != nil {
		return err
	}
	ids, err := m.c.rdb.ZRandMember(ctx, key, sweepSample).Result()
	if err != nil {
		return err
	}
	pipe := m.c.rdb.Pipeline()
	there := make([]*redis.IntCmd, len(ids))
	for i, id := range ids {
		there[i] = pipe.Exists(ctx, beatKey(m.c.cfg.Namespace, id))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, id := range ids {
		// One whose key comes back introduces itself again.
		if there[i].Val() == 0 {
			if err := m.c.rdb.ZRem(ctx, key, id).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxListed bounds the lists in a record.
const maxListed = 100

// record is what the program says of itself now.
func (m *membership) record(now time.Time) record {
	r := record{Process: m.process}
	m.mu.Lock()
	workers, schedulers := slices.Clone(m.workers), slices.Clone(m.schedulers)
	m.mu.Unlock()
	for _, w := range workers {
		r.Workers = append(r.Workers, workerRecord{w.id, w.name, w.report()})
	}
	for _, s := range schedulers {
		r.Schedulers = append(r.Schedulers, s.report())
	}
	m.c.lines.Range(func(_, value any) bool {
		l := value.(*line)
		p := Produced{Queue: l.shard.queue, Enqueued: l.enqueued.Load(), Rejected: l.rejected.Load()}
		if p.Enqueued+p.Rejected == 0 {
			return true
		}
		before := m.last[p.Queue]
		if p.Last = before.Last; p.Enqueued+p.Rejected != before.Enqueued+before.Rejected {
			p.Last = now
		}
		m.last[p.Queue] = p
		r.Produced = append(r.Produced, p)
		r.Enqueued, r.Rejected = r.Enqueued+p.Enqueued, r.Rejected+p.Rejected
		return true
	})
	slices.SortFunc(r.Produced, func(a, b Produced) int { return b.Last.Compare(a.Last) })
	r.Produced = r.Produced[:min(len(r.Produced), maxListed)]
	slices.SortFunc(r.Produced, func(a, b Produced) int { return strings.Compare(a.Queue, b.Queue) })
	return r
}
