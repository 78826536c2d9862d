package browser

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

var quiet = slog.New(slog.DiscardHandler)

// patience is how long a page may take on a machine that is busy with other tests.
const patience = 60 * time.Second

// chromium is one browser for all tests, each of which has a profile of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true))
	var allocated context.Context
	allocated, stopBrowser = chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocated)
	return ctx, chromedp.Do(ctx)
})

var stopBrowser context.CancelFunc

func TestMain(m *testing.M) {
	code := m.Run()
	if stopBrowser != nil {
		stopBrowser()
	}
	os.Exit(code)
}

// site is a dashboard of its own on a Redis within this process.
type site struct {
	*testing.T
	client *queue.Client
	url    string
	server *httptest.Server
}

// newSite serves a dashboard in which everybody may do everything.
func newSite(t *testing.T) *site {
	t.Helper()
	client, err := queue.Config{Namespace: "shop", Logger: quiet}.Open(t.Context(), "memory://")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dashboard.New(client, dashboard.Config{
		Source: "staging", Interval: 200 * time.Millisecond, Logger: quiet, Access: access.Config{Anonymous: access.Admin},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = dashboard.Server(d)
	server.Start()
	s := &site{t, client, server.URL, server}
	s.start(d.Run)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); client.Close() })
	return s
}

// start runs something until the test ends.
func (s *site) start(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
	s.Cleanup(stop)
	return stop
}

func (s *site) enqueue(j queue.Job) {
	s.Helper()
	if _, err := s.client.Enqueue(s.Context(), j); err != nil {
		s.Fatal(err)
	}
}

// shown waits until the dashboard has sampled a queue.
func (s *site) shown(name string) {
	s.Helper()
	for end := time.Now().Add(patience); ; {
		res, err := s.get("/queue?name=" + name)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			s.Fatal("the dashboard does not show ", name, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *site) get(path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(r)
}

// work runs a scheduler, and a worker of queues whose handler of every kind is handle.
func (s *site) work(handle func(d *queue.Delivery) error, kinds []string, queues ...string) {
	s.Helper()
	sched, err := scheduler.New(s.client, scheduler.Config{Logger: quiet})
	if err != nil {
		s.Fatal(err)
	}
	s.start(sched.Run)
	weights := map[string]int{}
	for _, name := range queues {
		weights[name] = 1
	}
	w, err := worker.New(s.client, worker.Config{Name: "eu-1", Queues: weights, Grace: time.Second, Logger: quiet})
	if err != nil {
		s.Fatal(err)
	}
	for _, kind := range kinds {
		w.Handle(kind, worker.HandlerFunc(func(_ context.Context, d *queue.Delivery) error { return handle(d) }))
	}
	s.start(w.Run)
}

// paths are the pages, with what those need that are of one thing.
func paths(job string) []string {
	id := url.QueryEscape(job)
	return []string{
		"/", "/queues", "/queue?name=callbacks&state=dead", "/queue?name=callbacks&state=delayed", "/queue?name=callbacks&state=recent", "/jobs", "/jobs?state=dead", "/jobs?find=none",
		"/job?queue=callbacks&id=" + id, "/errors", "/schedule", "/workers", "/producers", "/charts?queue=callbacks", "/alerts", "/redis", "/journal",
		"/nowhere", "/job?queue=none&id=none",
	}
}

var errDown = errors.New("HTTP 503: upstream is overloaded, order 88123")
