package queue

import (
	"context"
	"testing"
	"time"
)

// Totals only rise, whatever the window, and have each count once.
func TestActivityTotal(t *testing.T) {
	onRigs(t, func(t *testing.T, r *rig) {
		d := newDiary(t, r)
		var before int64
		for round := range 5 {
			d.work(0, 3*time.Second)
			all, err := d.in.Activity(context.Background(), FineStep, d.queue)
			d.ok(err)
			n := int64(2 * (round + 1))
			got := all[0].Total
			if got.Enqueued != n || got.Started != n || got.Done != n || got.Lateness.Count() != n || got.Lateness[partOf(3000)] != n/2 {
				t.Fatalf("round %d: %+v", round, got)
			}
			if got.Enqueued <= before || all[0].Enqueued > got.Enqueued {
				t.Fatalf("round %d: %d after %d, %d lately", round, got.Enqueued, before, all[0].Enqueued)
			}
			before = got.Enqueued
			d.advance(time.Duration(round*round) * time.Hour)
		}
	})
}
