package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
)

// feed is a dashboard that nobody reaches over a network: top shows what it would show.
type feed struct {
	cfg *config
	p   *process

	mu      sync.Mutex
	handler http.Handler
	// err is why there is no handler.
	err error
}

var errConnecting = errors.New("connecting to Redis")

func newFeed(cfg *config, p *process) *feed { return &feed{cfg: cfg, p: p, err: errConnecting} }

func (f *feed) set(handler http.Handler, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler, f.err = handler, err
}

// run connects, however long Redis is away, and samples until ctx ends.
func (f *feed) run(ctx context.Context) {
	client, err := f.cfg.look(ctx, f.p)
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for errors.Is(err, queue.ErrUnavailable) {
		f.set(nil, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		client, err = f.cfg.look(ctx, f.p)
	}
	if err != nil {
		f.set(nil, err)
		return
	}
	defer client.Close()
	d, err := dashboard.New(client, dashboard.Config{Interval: topEvery, Logger: quiet()})
	if err != nil {
		f.set(nil, err)
		return
	}
	f.set(d, nil)
	if err := d.Run(ctx); err != nil {
		f.set(nil, err)
	}
}

// read asks what the dashboard would show now.
func (f *feed) read(ctx context.Context) (*overview, error) {
	f.mu.Lock()
	handler, err := f.handler, f.err
	f.mu.Unlock()
	if handler == nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/queues", http.NoBody)
	if err != nil {
		return nil, err
	}
	w := &localAnswer{header: http.Header{}}
	handler.ServeHTTP(w, r)
	var o overview
	if err := json.Unmarshal(w.body.Bytes(), &o); err != nil {
		return nil, fmt.Errorf("the dashboard answers %d: %w", w.status, err)
	}
	return &o, nil
}

// localAnswer is a response that stays in this process.
type localAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *localAnswer) Header() http.Header         { return a.header }
func (a *localAnswer) WriteHeader(status int)      { a.status = status }
func (a *localAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
