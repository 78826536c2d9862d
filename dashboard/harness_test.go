package dashboard

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) { redistest.Main(m) }

var silent = slog.New(slog.DiscardHandler)

// open connects to a Redis under a namespace of the test's own.
func open(t *testing.T, url string) *queue.Client {
	t.Helper()
	c, err := queue.Config{Namespace: redistest.Prefix(t), Logger: silent}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newDashboard(t *testing.T, c *queue.Client, cfg Config) *Dashboard {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = silent
	}
	d, err := New(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fake is a dashboard of whatever read finds.
func fake(t *testing.T, cfg Config, read reader) *Dashboard {
	t.Helper()
	cfg.Logger = silent
	cfg = cfg.withDefaults(&queue.Client{})
	if err := cfg.validate(); err != nil {
		t.Fatal(err)
	}
	d, err := build(&queue.Client{}, "test", source{queues: read}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run lets the collector run until the test ends.
func run(t *testing.T, d *Dashboard) { t.Helper(); runUntil(t, d) }

// runUntil is run with a way to end it before.
func runUntil(t *testing.T, d *Dashboard) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	awaitSample(d)
	return stop
}

// awaitSample waits for the first good sample.
func awaitSample(d *Dashboard) {
	for f := d.collector.latest.Load(); f.at.IsZero(); f = d.collector.latest.Load() {
		<-f.replaced
	}
}

// serve listens on a loopback port, with the time-outs of Server, and returns the address.
func serve(t *testing.T, d http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = Server(d)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// live serves a dashboard whose collector runs.
func live(t *testing.T, d *Dashboard) string {
	t.Helper()
	url := serve(t, d)
	run(t, d) // ends before the server does, which waits for the streams
	return url
}

// viewOf is an operator's look at a frame, in English.
func viewOf(d *Dashboard, f *frame, now time.Time) *view {
	id := access.Identity{Name: "anna", Role: access.Operator}
	return &view{sight: sight{d, id}, tongue: english, frame: f, now: now, url: "/"}
}

// pageOf renders a page of a frame.
func pageOf(t *testing.T, d *Dashboard, name string, f *frame, now time.Time) []byte {
	t.Helper()
	html, err := d.pages[name].whole(d, viewOf(d, f, now), nil)
	if err != nil {
		t.Fatal(err)
	}
	return html
}

// fragmentOf renders what the stream of a page carries.
func fragmentOf(t *testing.T, d *Dashboard, name string, f *frame) []byte {
	t.Helper()
	html, err := d.pages[name].fragment(d, viewOf(d, f, f.made))
	if err != nil {
		t.Fatal(err)
	}
	return html
}

type answer struct {
	status int
	header http.Header
	body   string
}

// request asks the handler itself, as if for localhost.
func request(t *testing.T, h http.Handler, method, target string, change ...func(*http.Request)) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	r.Host = "localhost"
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// get asks over the network.
func get(t *testing.T, url string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}
