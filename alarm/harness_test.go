package alarm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) {
	redis.SetLogger(nothing{}) // it logs each failed dial to a server that a test has killed
	goleak.VerifyTestMain(redistest.Runner{M: m})
}

type nothing struct{}

func (nothing) Printf(context.Context, string, ...any) {}

const patience = 30 * time.Second

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open connects to a namespace of a server.
func open(t *testing.T, url, namespace string) *queue.Client {
	t.Helper()
	c, err := queue.Config{Namespace: namespace, Retries: -1, Logger: silent()}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// place is a namespace of the shared server.
func place(t *testing.T) *queue.Client {
	t.Helper()
	return open(t, redistest.URL(t), redistest.Prefix(t))
}

func shift(c *queue.Client, d time.Duration) { testhook.ShiftTime(c, d) }

// mailbox is a sender that keeps what it is sent.
type mailbox struct {
	mu   sync.Mutex
	got  []Message
	fail error
	// meet, where set, is called before a message is taken.
	meet func(ctx context.Context, m *Message) error
}

func (b *mailbox) Name() string { return "mail" }

func (b *mailbox) Send(ctx context.Context, m *Message) error {
	b.mu.Lock()
	meet, fail := b.meet, b.fail
	b.mu.Unlock()
	if meet != nil {
		if err := meet(ctx, m); err != nil {
			return err
		}
	}
	if fail != nil {
		return fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, *m)
	return nil
}

func (b *mailbox) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

// count is how many messages of an event came.
func (b *mailbox) count(event Event) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for i := range b.got {
		if b.got[i].Event == event {
			n++
		}
	}
	return n
}

func (b *mailbox) waits(t *testing.T, opened, ended int) {
	t.Helper()
	redistest.Eventually(t, patience, func() bool { return b.count(Opened) >= opened && b.count(Ended) >= ended }, "no message")
	if o, e := b.count(Opened), b.count(Ended); o != opened || e != ended {
		t.Errorf("%d beginnings and %d ends, want %d and %d", o, e, opened, ended)
	}
}

// pace is how often watchers of tests look.
const pace = 30 * time.Millisecond

// watch runs a watcher, which looks more often than a configuration may ask for.
func watch(t *testing.T, c *queue.Client, sender Sender, rules ...Rule) (w *Watcher, stop func()) {
	t.Helper()
	cfg := Config{Rules: append([]Rule{}, rules...), Logger: silent(), PublicURL: "https://ops.example/dueq/"}
	if sender != nil {
		cfg.Senders = []Sender{sender}
	}
	w, err := New(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Interval = pace
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return w, stop
}

// enqueue hands in jobs that are ready.
func enqueue(t *testing.T, c *queue.Client, name string, n int) {
	t.Helper()
	many := make([]queue.Job, n)
	for i := range many {
		many[i] = queue.Job{Queue: name, Kind: "k"}
	}
	if _, err := c.EnqueueMany(t.Context(), many); err != nil {
		t.Fatal(err)
	}
}

// drain runs all ready jobs.
func drain(t *testing.T, c *queue.Client, name string) {
	t.Helper()
	for {
		deliveries, _, err := c.Broker().Lease(t.Context(), name, 500, queue.DefaultLease)
		if err != nil {
			t.Fatal(err)
		}
		if len(deliveries) == 0 {
			return
		}
		for _, d := range deliveries {
			if err := c.Broker().Ack(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// looks waits until the queues were looked at so many times more.
func looks(t *testing.T, c *queue.Client, times int) {
	t.Helper()
	var last time.Time
	seen := -1
	redistest.Eventually(t, patience, func() bool {
		s, err := NewBoard(c).State(t.Context())
		if err == nil && s.Looked.After(last) {
			last = s.Looked
			seen++
		}
		return seen >= times
	}, "nobody looks")
}

var errRefused = errors.New("refused")
