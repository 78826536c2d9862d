package queue

import (
	"context"
	"testing"
	"time"
)

// What a queue that is never at rest keeps by time for 90 days is bounded, and does not grow after that.
func TestSeriesSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is 8,000 slots of work")
	}
	d := newDiary(t, realRig(t))
	ctx := context.Background()
	key := d.lineOf(d.queue).shard.keys["series"]
	// A slot with nine verbs, and with jobs that are late in so many parts, by counts of six digits.
	slot := func(parts int) {
		_, err := d.Enqueue(ctx, Job{Queue: d.queue, Kind: "k"})
		d.ok(err)
		pipe := d.rdb.Pipeline()
		for i := range 9 {
			pipe.HIncrBy(ctx, d.lineOf(d.queue).shard.keys["stats"], seriesVerbs[i], 123_456)
		}
		for i := range parts {
			for _, kind := range []string{"l", "p"} {
				pipe.HIncrBy(ctx, key, kind+partLetters[i:i+1], 123_456)
			}
		}
		_, err = pipe.Exec(ctx)
		d.ok(err)
	}
	const busy = 12
	fill := func(step time.Duration, until time.Duration) {
		for end := d.now.Add(until); d.now.Before(end); d.advance(step) {
			slot(busy)
		}
	}
	var sizes []int64
	for range 2 {
		fill(time.Hour, 93*24*time.Hour)
		fill(time.Minute, MinuteAge+2*time.Hour)
		fill(FineStep, FineAge+time.Minute)
		size, err := d.rdb.MemoryUsage(ctx, key, 0).Result()
		d.ok(err)
		sizes = append(sizes, size)
	}
	t.Logf("%d bytes, and %d after as long again", sizes[0], sizes[1])
	const bound = 2 << 20
	if sizes[0] > bound || sizes[1] > sizes[0]+sizes[0]/20 {
		t.Errorf("%d bytes, and %d after as long again: want at most %d, and no more then", sizes[0], sizes[1], bound)
	}
}
