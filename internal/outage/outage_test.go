package outage_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/internal/outage"
)

// Of many loops that find Redis away at one moment, one says so, and one again after Every.
func TestOneLoopSpeaksForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log outage.Log
		for range 3 {
			var lines atomic.Int64
			var loops sync.WaitGroup
			for range 50 {
				loops.Go(func() {
					if log.OutageDue() {
						lines.Add(1)
					}
				})
			}
			loops.Wait()
			if got := lines.Load(); got != 1 {
				t.Errorf("%d lines, want 1", got)
			}
			<-time.After(outage.Every - 1)
			if log.OutageDue() {
				t.Error("a line came too early")
			}
			<-time.After(1)
		}
	})
}
