package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	callbackQueue = "callback"
	callbackKind  = "callback.post"
)

// waits are those after the first failure, the second and so on: a day in all.
var waits = []time.Duration{
	2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
}

// Callback is the payload of a job.
type Callback struct {
	URL  string          `json:"url"`
	Body json.RawMessage `json:"body"`
}

// newWorker makes a worker whose retries follow the table. The table is the worker's, so that a change
// of it also holds for callbacks that wait already; with Job.Backoff each job would bring its own.
func newWorker(client *queue.Client, opts options, logger *slog.Logger) (*worker.Worker, error) {
	scaled := make([]time.Duration, len(waits))
	for i, wait := range waits {
		scaled[i] = opts.scale.of(wait)
	}
	w, err := worker.New(client, worker.Config{
		Queues:      map[string]int{callbackQueue: 1},
		Concurrency: 16,
		MaxAttempts: len(waits) + 1,
		Backoffs:    map[string]queue.Backoff{callbackKind: queue.Table(scaled...)},
		OnDead: func(ctx context.Context, d *queue.Delivery, reason queue.Reason, err error) {
			// The place to tell somebody. GET /dead still lists it tomorrow.
			logger.WarnContext(ctx, "given up", slog.String("id", d.ID), slog.Int("attempt", d.Attempt),
				slog.String("reason", string(reason)), slog.Any("error", err))
		},
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	worker.HandleJSON(w, callbackKind, newDeliverer(opts.hosts).deliver)
	return w, nil
}

type deliverer struct {
	hosts  hosts
	client *http.Client
}

func newDeliverer(allowed hosts) *deliverer {
	return &deliverer{allowed, &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
		// A redirect could lead to a host that is not allowed. It counts as a failure.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// deliver is the handler. Its receiver may get a callback twice, as with every sender of callbacks: the
// Idempotency-Key is the same each time, the attempt is not.
func (s *deliverer) deliver(ctx context.Context, d *queue.Delivery, c Callback) error {
	// Asked again, since jobs come from whoever reaches Redis, and the list may have changed.
	if err := s.hosts.check(c.URL); err != nil {
		return worker.Dead(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return worker.Dead(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", d.ID)
	request.Header.Set("Callback-Attempt", strconv.Itoa(d.Attempt))
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	// What was read to its end leaves a connection that can be used again.
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)); err != nil {
		return err
	}
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusGone:
		return worker.Dead(fmt.Errorf("receiver: %s", answer.Status)) // it says for ever
	}
	return fmt.Errorf("receiver: %s", answer.Status)
}
