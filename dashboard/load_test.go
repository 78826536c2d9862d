package dashboard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// TestParallelLoad is for the race detector: every route, streams that come and go, and jobs that move,
// all at once.
func TestParallelLoad(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := newDashboard(t, client, Config{Interval: minInterval, MaxStreams: 8, Access: access.Config{Anonymous: access.Admin}})
	putSample(t, client)
	url := live(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	var movers, browsers sync.WaitGroup
	for _, name := range []string{"sms", "callbacks"} {
		movers.Go(func() {
			for ctx.Err() == nil {
				_, _ = client.Enqueue(ctx, queue.Job{Queue: name, Kind: "x"})
				leased, _, _ := client.Broker().Lease(ctx, name, 10, queue.DefaultLease)
				for _, delivery := range leased {
					_ = client.Broker().Ack(ctx, delivery)
				}
			}
		})
	}
	const tabs, looks = 12, 4
	for range tabs {
		browsers.Go(func() {
			for range looks {
				for _, path := range paths(d) {
					look(t, url+path)
				}
			}
		})
	}
	browsers.Wait()
	cancel()
	movers.Wait()
}

// look asks for a path and reads the beginning of the answer, as long as a stream is open for.
func look(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Error(err)
		return
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: %d", url, res.StatusCode)
	}
	if _, err := io.CopyN(io.Discard, res.Body, 40); err != nil && res.StatusCode == http.StatusOK {
		t.Errorf("%s: %v", url, err)
	}
}

// TestManyTabsCostRedisNothing: the same number of samples, and one rendering for all.
func TestManyTabsCostRedisNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		var renders atomic.Int64
		live := d.pages["overview"].live
		d.pages["overview"].live = func(v *view) any { renders.Add(1); return live(v) }
		ctx, cancel := context.WithCancel(t.Context())
		var tabs sync.WaitGroup
		for range 20 {
			tabs.Go(func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/events/", http.NoBody)
				d.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		synctest.Wait()
		renders.Store(0)
		r.reads.Store(0)
		pass(t, 10*time.Second)
		if n := r.reads.Load(); n < 9 || n > 11 {
			t.Errorf("%d samples in 10 s", n)
		}
		if n := renders.Load(); n < 9 || n > 11 {
			t.Errorf("%d renderings in 10 s", n)
		}
		cancel()
		tabs.Wait()
	})
}

// TestPace: a page that changes seldom is sent seldom, and one that does not is sent with every frame.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, d := collecting(t, Config{})
		d.pages["workers"].pace = 5 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		var tabs sync.WaitGroup
		told := map[string]*httptest.ResponseRecorder{}
		for _, page := range []string{"workers", "producers"} {
			w := httptest.NewRecorder()
			told[page] = w
			tabs.Go(func() {
				d.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/events/"+page, http.NoBody))
			})
		}
		pass(t, 21*time.Second)
		cancel()
		tabs.Wait()
		events := func(page string) int { return strings.Count(told[page].Body.String(), "event: fragment") }
		if events("workers") > 5 || events("workers") < 4 || events("producers") < 20 {
			t.Errorf("%d and %d events in 21 s", events("workers"), events("producers"))
		}
	})
}
