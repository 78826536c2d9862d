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

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// atOnce is how many messages are sent at a time.
const atOnce = 4

// sendMessages is the worker. Any number of them may run, each beside a scheduler.
func sendMessages(ctx context.Context, client *queue.Client, opts options, logger *slog.Logger) error {
	w, err := worker.New(client, worker.Config{
		Queues:      map[string]int{smsQueue: 1},
		Concurrency: atOnce,
		Backoff:     queue.Exponential(opts.scale.of(10*time.Second), opts.scale.of(time.Hour)),
		Logger:      logger,
	})
	if err != nil {
		return err
	}
	s, err := scheduler.New(client, scheduler.Config{Logger: logger})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if opts.gateway == "" {
		listener, url, err := listenGateway(ctx)
		if err != nil {
			return err
		}
		opts.gateway = url
		group.Go(func() error { return serve(ctx, listener, newGateway(logger)) })
	}
	worker.HandleJSON(w, smsKind, newSender(opts.gateway).send)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return s.Run(ctx) })
	return group.Wait()
}

// sender sends through the gateway at a URL.
type sender struct {
	url    string
	client *http.Client
}

// newSender makes a sender with a connection for each message at a time, and a limit to how long one
// takes: without it, a gateway that does not answer would hold every handler for ever.
func newSender(url string) *sender {
	return &sender{url, &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, IdleConnTimeout: time.Minute},
	}}
}

// send is the handler. It may run twice for one job, when a worker dies between the gateway's answer
// and its ack: the gateway knows the second by its key.
func (s *sender) send(ctx context.Context, d *queue.Delivery, sms SMS) error {
	body, err := json.Marshal(sms)
	if err != nil {
		return worker.Dead(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return worker.Dead(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", d.ID)
	answer, err := s.client.Do(request)
	if err != nil {
		return err // retried by the worker's backoff
	}
	defer answer.Body.Close()
	reason, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // read, so that the connection is used again
	if err != nil {
		return err
	}
	if answer.StatusCode < 300 {
		return nil
	}
	err = fmt.Errorf("gateway: %s: %s", answer.Status, bytes.TrimSpace(reason))
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return worker.Dead(err) // such as a number that does not exist: no retry makes it one
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if wait := retryAfter(answer.Header, time.Now()); wait > 0 {
			return worker.RetryIn(wait, err)
		}
	}
	return err
}

// retryAfter is how long the gateway asks us to wait, in seconds or until a date; 0 if it does not say.
// It is believed up to an hour.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}
