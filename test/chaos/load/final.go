package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
)

// markOf is the note that Redis keeps of a completion it accepted.
func markOf(seq uint32, token int64) string {
	return strconv.FormatUint(uint64(seq), 10) + ":" + strconv.FormatInt(token, 10)
}

const step = 1000 // entries read by one call

// Drained returns when the queue holds no job that is still to run, or with ctx.
func (f *Fleet) Drained(ctx context.Context) error {
	client, err := queue.Open(ctx, f.URL)
	if err != nil {
		return err
	}
	defer client.Close()
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		q, err := client.Inspector().Queue(ctx, f.Queue)
		if err == nil && q.Delayed+q.Ready+q.Leased+q.Retrying == 0 {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("the queue did not drain: %d delayed, %d ready, %d leased, %d retrying: %w",
				q.Delayed, q.Ready, q.Leased, q.Retrying, ctx.Err())
		}
	}
}

// Final reads what Redis holds of the queue. rdb is the server, or the cluster, that has it.
func (f *Fleet) Final(ctx context.Context, rdb redis.UniversalClient) (checker.Final, error) {
	r := reading{rdb: rdb, prefix: "dueq:{" + f.Queue + "}:", final: checker.Final{
		Places: map[uint32][]string{}, Acked: map[uint32][]int64{},
	}}
	for _, place := range []string{"delayed", "retry", "leased", "dead", "done"} {
		r.pairs(ctx, place, rdb.ZScan, func(id, _ string) { r.place(place, id) })
	}
	for _, list := range []string{"ready:high", "ready", "ready:low"} {
		r.list(ctx, list)
	}
	r.pairs(ctx, "marks", rdb.HScan, func(mark, _ string) { r.mark(mark) })
	records := map[uint32]bool{}
	r.pairs(ctx, "jobs", rdb.HScan, func(id, _ string) {
		seq, ok := seqOf(id)
		if records[seq] = true; !ok || r.final.Places[seq] == nil {
			r.final.Orphan++
		}
	})
	for seq := range r.final.Places {
		if !records[seq] && !r.purged(ctx, seq) {
			r.final.Orphan++
		}
	}
	return r.final, r.err
}

// purged says whether a job without a record had its time as a done one when it was looked for: what is read
// after its place is read may have gone meanwhile, and then its place has too.
func (r *reading) purged(ctx context.Context, seq uint32) bool {
	err := r.rdb.ZScore(ctx, r.prefix+"done", idOf(seq)).Err()
	if !errors.Is(err, redis.Nil) {
		r.err = errors.Join(r.err, err)
		return false
	}
	if gone := slices.Equal(r.final.Places[seq], []string{"done"}); !gone {
		return false
	}
	delete(r.final.Places, seq)
	return true
}

type reading struct {
	rdb    redis.UniversalClient
	prefix string
	final  checker.Final
	err    error
}

type scan func(ctx context.Context, key string, cursor uint64, match string, count int64) *redis.ScanCmd

// pairs calls each for every field and value of a key. A scan may give a field twice.
func (r *reading) pairs(ctx context.Context, name string, scan scan, each func(field, value string)) {
	seen := map[string]bool{}
	for cursor := uint64(0); r.err == nil; {
		var part []string
		part, cursor, r.err = scan(ctx, r.prefix+name, cursor, "", step).Result()
		for i := 0; i+1 < len(part); i += 2 {
			if !seen[part[i]] {
				seen[part[i]] = true
				each(part[i], part[i+1])
			}
		}
		if cursor == 0 {
			return
		}
	}
}

// list reads the ids behind the two times of a ready list.
func (r *reading) list(ctx context.Context, name string) {
	const timesDigits = 2 * 13
	for at := int64(0); r.err == nil; at += step {
		var part []string
		part, r.err = r.rdb.LRange(ctx, r.prefix+name, at, at+step-1).Result()
		for _, entry := range part {
			r.place("ready", entry[min(len(entry), timesDigits):])
		}
		if len(part) < step {
			return
		}
	}
}

func (r *reading) place(place, id string) {
	seq, ok := seqOf(id)
	if !ok {
		r.final.Orphan++
		return
	}
	r.final.Places[seq] = append(r.final.Places[seq], place)
}

func (r *reading) mark(mark string) {
	number, token, _ := strings.Cut(mark, ":")
	seq, err := strconv.ParseUint(number, 10, 32)
	under, err2 := strconv.ParseInt(token, 10, 64)
	if err != nil || err2 != nil {
		r.final.Orphan++
		return
	}
	r.final.Acked[uint32(seq)] = append(r.final.Acked[uint32(seq)], under)
}
