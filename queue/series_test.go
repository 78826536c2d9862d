package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// diary drives a queue of a rig and notes what it did.
type diary struct {
	*rig
	t       testing.TB
	queue   string
	history history
}

func newDiary(t testing.TB, r *rig) *diary {
	return &diary{rig: r, t: t, queue: "q", history: history{}}
}

func (d *diary) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// work lets jobs go through the queue, which start so late each.
func (d *diary) work(late ...time.Duration) {
	d.t.Helper()
	ctx := context.Background()
	for _, wait := range late {
		_, err := d.Enqueue(ctx, Job{Queue: d.queue, Kind: "k"})
		d.ok(err)
		d.history.at(d.now.UnixMilli()).Enqueued++
		d.advance(wait)
		ds, _, err := d.b.Lease(ctx, d.queue, 1, time.Minute)
		d.ok(err)
		c := d.history.at(d.now.UnixMilli())
		c.Started++
		c.Lateness[partOf(wait.Milliseconds())]++
		if len(ds) != 1 {
			d.t.Fatalf("leased %d", len(ds))
		}
		d.ok(d.b.Ack(ctx, ds[0]))
		c.Done++
	}
}

func (d *diary) entries() []counted {
	d.t.Helper()
	ctx := context.Background()
	pipe := d.rdb.Pipeline()
	reading := askSeries(ctx, pipe, d.lineOf(d.queue).shard, d.now.Add(-SeriesAge), d.now.Add(FineStep))
	d.ok(exec(ctx, pipe))
	return reading.entries()
}

func (d *diary) check() {
	d.t.Helper()
	if found := d.history.faults(d.entries(), d.now); len(found) > 0 {
		d.t.Fatalf("counts by time: %s", strings.Join(found[:min(len(found), 3)], "\n"))
	}
}

func onRigs(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	for name, start := range rigs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// Over a hundred days of work and of rest no count is lost, doubled, or further from its time than its age
// allows.
func TestSeriesKeepsEveryCount(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		rnd := rand.New(rand.NewPCG(1, 2))
		steps := []time.Duration{0, 3 * time.Second, 10 * time.Second, 70 * time.Second, 25 * time.Minute, 61 * time.Minute, 3 * time.Hour, 50 * time.Hour}
		for i := range 1500 {
			// Mostly short steps, with long ones between.
			step := steps[min(rnd.IntN(len(steps)), rnd.IntN(len(steps)), rnd.IntN(len(steps)))]
			switch {
			case i < 70: // each place of a ring in turn
				step = time.Minute
			case i < 130:
				step = time.Hour
			case i%40 == 0:
				step = 70 * time.Hour
			}
			d.advance(step)
			d.work([]time.Duration{0, time.Millisecond, 40 * time.Millisecond, 11 * time.Second}[rnd.IntN(4)])
			if i%50 == 0 || i < 130 {
				d.check()
			}
		}
		if d.now.Sub(rigStart()) < 100*24*time.Hour {
			t.Errorf("only until %v", d.now)
		}
	})
}

// A clock that is set back moves counts to where it says, and loses and doubles none.
func TestSeriesWhenTheClockGoesBack(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		jobs := int64(0)
		for i := range 300 {
			d.advance([]time.Duration{15 * time.Second, time.Minute, -30 * time.Second, 2 * time.Hour, -90 * time.Minute, -8 * time.Second}[i%6])
			d.work(0)
			jobs++
		}
		var all Counts
		for _, e := range d.entries() {
			all.add(e.columns)
		}
		if all.Enqueued != jobs || all.Started != jobs || all.Done != jobs || all.Lateness.Count() != jobs {
			t.Errorf("%d jobs, counted %+v", jobs, all)
		}
	})
}

// A clock that was far ahead for a while leaves nothing that keeps later counts from their place.
func TestSeriesAfterAClockWasAhead(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		const ahead = 400 * 24 * time.Hour
		d.advance(ahead)
		for range 100 {
			d.work(0)
			d.advance(time.Minute)
		}
		d.advance(-ahead)
		d.work(0)                                         // files the last of the slots ahead
		begin := d.now.Truncate(time.Hour).Add(time.Hour) // no entry is from both before and after
		d.advance(begin.Sub(d.now))
		d.history = history{}
		for range 200 {
			d.work(0)
			d.advance(time.Minute)
		}
		var since []counted
		for _, e := range d.entries() {
			if !e.at.Before(begin) && !e.at.After(d.now) {
				since = append(since, e)
			}
		}
		if found := d.history.faults(since, d.now); len(found) > 0 {
			t.Error(found[0])
		}
	})
}

// Counters that began anew, as after a FLUSHALL of which a part came back, are not taken for negative.
func TestSeriesAfterStatsWereLost(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		d.work(0, 0, 0, 0, 0)
		d.advance(FineStep)
		d.work(0)
		d.ok(d.rdb.Del(context.Background(), d.lineOf(d.queue).shard.keys["stats"]).Err())
		before := d.history.at(d.now.UnixMilli())
		*before = Counts{}
		d.work(0, 0)
		d.advance(FineStep)
		d.work(0)
		var all Counts
		for _, e := range d.entries() {
			all.add(e.columns)
		}
		if all.Enqueued != 8 || all.Done != 8 {
			t.Errorf("counted %+v", all)
		}
	})
}

// What is not ours in a series stops no verb, and is not shown.
func TestSeriesOfGarbage(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		d.work(0)
		fields := map[string]any{"open": "x", "base": "A", "R": "many"}
		for _, ring := range rings {
			for i := range ring.size {
				fields[ring.name+fmt.Sprint(i)] = []string{"", ":", "7", "7:;;", "99999999999999999999:1A1;", "x:1A1;", "7:A1;1A;1A1B", "\x00\xff"}[i%8]
			}
		}
		d.ok(d.rdb.HSet(context.Background(), d.lineOf(d.queue).shard.keys["series"], fields).Err())
		for range 130 {
			d.work(0)
			d.advance(time.Minute)
		}
		s, err := d.in.Series(context.Background(), d.queue, d.now.Add(-time.Hour), d.now, time.Minute)
		d.ok(err)
		for _, b := range s.Buckets[1 : len(s.Buckets)-1] {
			if b.Done != 1 {
				t.Fatalf("at %v %+v", b.Start, b.Counts)
			}
		}
	})
}

// The lists of columns in Lua and in Go are the same.
func TestSeriesColumns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("lua/with/rings.lua")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)local verbs = \{(.*?)\}`).FindSubmatch(text)
	var verbs []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(list[1], -1) {
		verbs = append(verbs, string(m[1]))
	}
	if !slices.Equal(verbs, seriesVerbs) {
		t.Errorf("Lua has %v, Go %v", verbs, seriesVerbs)
	}
	counts := Counts{}
	for i := range seriesVerbs {
		counts.add(map[string]int64{string(rune('A' + i)): 1})
	}
	counts.add(map[string]int64{"R": 1, "S": 1, "T": 1, "zz": 1, "la": 1, "pZ": 1, "l": 1, "lll": 1})
	want := Counts{
		Enqueued: 1, Promoted: 1, Started: 1, Extended: 1, Done: 1, Retried: 1, Snoozed: 1, Released: 1, Dead: 1, Dropped: 1,
		Reaped: 1, Rescheduled: 1, Cancelled: 1, Requeued: 1, Repaired: 1, Purged: 2, Failed: 2, Expired: 2,
	}
	want.Lateness[0], want.PromoteLag[HistogramSize-1] = 1, 1
	if counts != want {
		t.Errorf("got  %+v\nwant %+v", counts, want)
	}
}

// Ranges are widened to whole steps and cut to what can be there, and steps made as long as what is kept.
func TestSeriesRanges(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 34, 56, 789e6, time.UTC)
	const day = 24 * time.Hour
	for _, c := range []struct {
		from, to, step time.Duration // before now
		want           time.Duration
		buckets        int
		err            error
	}{
		{from: time.Minute, want: FineStep, buckets: 7},
		{from: time.Hour, want: FineStep, buckets: 361},
		{from: time.Hour, step: time.Hour, want: time.Hour, buckets: 2},
		{from: time.Hour + 1, step: FineStep, want: time.Minute, buckets: 61},
		{from: 48 * time.Hour, want: time.Minute, buckets: 48*60 + 1},
		{from: 49 * time.Hour, to: 48 * time.Hour, step: 30 * time.Second, want: time.Hour, buckets: 2},
		{from: 1000 * day, step: day, want: day, buckets: 91},
		{from: 1000 * day, to: 100 * day, step: day, want: day},
		{from: time.Minute, to: -time.Hour, step: 20 * time.Second, want: 20 * time.Second, buckets: 4},
		{from: -time.Hour, to: -2 * time.Hour, want: FineStep},
		{from: time.Hour, to: time.Hour, err: ErrInvalid},
		{from: time.Minute, to: time.Hour, err: ErrInvalid},
		{from: time.Hour, step: -time.Second, err: ErrInvalid},
		{from: time.Hour, step: time.Second, err: ErrInvalid},
		{from: time.Hour, step: 40 * time.Second, err: ErrInvalid},
		{from: time.Hour, step: 7 * time.Minute, err: ErrInvalid},
		{from: time.Hour, step: 25 * time.Hour, err: ErrInvalid},
		{from: time.Hour, step: 91 * day, err: ErrInvalid},
	} {
		got, err := frameOf(now.Add(-c.from), now.Add(-c.to), c.step, now)
		if !errors.Is(err, c.err) || c.err == nil && (err != nil || got.Step != c.want || len(got.Buckets) != c.buckets) {
			t.Errorf("%+v: step %v, %d buckets, %v", c, got.Step, len(got.Buckets), err)
		}
		for i, b := range got.Buckets {
			if b.Start.UnixNano()%min(int64(got.Step), int64(day)) != 0 || i > 0 && b.Start.Sub(got.Buckets[i-1].Start) != got.Step {
				t.Fatalf("%+v: bucket %d is at %v", c, i, b.Start)
			}
		}
	}
}
