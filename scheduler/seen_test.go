package scheduler_test

import (
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// A scheduler is seen with what it serves and has done, and is gone as soon as it has stopped.
func TestSchedulerIsSeen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Millisecond})
		_, stop := run(t, c, scheduler.Config{})
		seen := func() []queue.SchedulerInfo {
			all, err := c.Inspector().Schedulers(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		redistest.Eventually(t, patience, func() bool {
			all := seen()
			return len(all) == 1 && len(all[0].Queues) == 1 && all[0].Queues[0] == "q" && all[0].Counts["promoted"] == 1
		}, "it is not seen with the job that it promoted")
		stop()
		if all := seen(); len(all) > 0 {
			t.Errorf("it has stopped and is seen: %+v", all)
		}
	})
}
