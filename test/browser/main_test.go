package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
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
		res, err := http.Get(s.url + "/queue?name=" + name)
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

// tab is a tab of the browser, with cookies of its own. What should not happen in one is collected.
type tab struct {
	*testing.T
	ctx  context.Context
	site *site

	mu      sync.Mutex
	strange []string
}

func (s *site) open(t *testing.T, width, height int64) *tab {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatalf("chromium cannot be started; CHROMIUM names another one: %v", err)
	}
	b := &tab{T: t, site: s}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.watch))
	b.ctx = ctx
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strange = append(b.strange, what)
}

// watch notes dialogs, requests to elsewhere, errors in the console, and new windows.
func (b *tab) watch(event any) {
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		b.note("dialog: " + e.Message)
		go func() { _, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) }()
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.site.url+"/") && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "about:blank" {
			b.note("request: " + e.Request.URL)
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && !strings.Contains(e.Entry.Text, "status of 40") && !strings.Contains(e.Entry.Text, "net::ERR_") {
			b.note("console: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text)
	}
}

// calm fails the test for what should not have happened.
func (b *tab) calm() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.strange {
		b.Error(what)
	}
	b.strange = nil
}

type step = chromedp.Action[chromedp.Void]

func (b *tab) do(steps ...step) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatalf("%v\n%s", err, b.look())
	}
}

// look is where the tab is, and what it shows, for the message of a failure.
func (b *tab) look() string {
	where, _ := chromedp.Run(b.ctx, chromedp.Location())
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("main")?.innerText ?? ""`))
	return fmt.Sprintf("at %s: %.1500s", where, text)
}

func (b *tab) visit(path string) { b.Helper(); b.do(chromedp.Navigate(b.site.url + path)) }

// follow clicks what a selector finds, and waits for the page it leads to.
func (b *tab) follow(selector string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector)); err != nil {
		b.Fatalf("follow %s: %v\n%s", selector, err, b.look())
	}
}

// eventually waits until an expression is true in the page, which may be another one by then.
func (b *tab) eventually(expression string) {
	b.Helper()
	for end := time.Now().Add(patience); ; {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && is {
			return
		}
		if time.Now().After(end) || b.ctx.Err() != nil {
			b.Fatalf("never: %s (%v)\n%s", expression, err, b.look())
		}
		<-time.After(50 * time.Millisecond) // nothing tells when a page has changed
	}
}

func (b *tab) value(expression string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.Fatalf("%s: %v\n%s", expression, err, b.look())
	}
	return out
}

// scheme has pages in the colours that the system asks for, light or dark.
func (b *tab) scheme(name string) {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
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
