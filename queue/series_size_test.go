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
	// A slot with nine verbs, and with jobs that are late in twelve parts, by counts of six digits.
	const verbs, parts, rise = 9, 12, 123_456
	slots := 0
	slot := func() {
		slots++
		var stats, columns []any
		for _, verb := range seriesVerbs[:verbs] {
			stats = append(stats, verb, slots*rise)
		}
		for _, letter := range partLetters[:parts] {
			columns = append(columns, "l"+string(letter), slots*rise, "p"+string(letter), slots*rise)
		}
		pipe := d.rdb.Pipeline()
		pipe.HSet(ctx, d.lineOf(d.queue).shard.keys["stats"], stats...)
		pipe.HSet(ctx, key, columns...)
		_, err := pipe.Exec(ctx)
		d.ok(err)
		_, err = d.Enqueue(ctx, Job{Queue: d.queue, Kind: "k"})
		d.ok(err)
	}
	fill := func(step time.Duration, until time.Duration) {
		for end := d.now.Add(until); d.now.Before(end); d.advance(step) {
			slot()
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
