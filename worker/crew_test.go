package worker

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Every job starts at once, also while all before it block.
func TestCrewStartsAllAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped, release := make(chan struct{}), make(chan struct{})
		var began atomic.Int64
		c := newCrew(stopped, func(*run) {
			began.Add(1)
			<-release
		})
		for i, batch := range []int{1, 7, 100} {
			c.add(make([]*run, 0))
			before := began.Load()
			c.add(runs(batch))
			synctest.Wait()
			if got := began.Load() - before; got != int64(batch) {
				t.Errorf("batch %d: %d of %d jobs began", i, got, batch)
			}
		}
		close(release)
		synctest.Wait()
		close(stopped)
	})
}

// Goroutines that end when nothing comes for a while leave none behind without one.
func TestCrewAfterAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		var ran atomic.Int64
		c := newCrew(stopped, func(*run) { ran.Add(1) })
		for range 50 {
			c.add(runs(20))
			synctest.Wait()
		}
		if ran.Load() != 1000 {
			t.Errorf("%d of 1000 jobs ran", ran.Load())
		}
		pass(2 * lingerTime)
		c.add(runs(1))
		synctest.Wait()
		if ran.Load() != 1001 {
			t.Error("the job after a pause did not run")
		}
		close(stopped)
	})
}

func runs(n int) []*run {
	all := make([]*run, n)
	for i := range all {
		all[i] = &run{}
	}
	return all
}
