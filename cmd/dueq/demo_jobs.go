package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	smsQueue      = "sms"
	callbackQueue = "callback"
	smsKind       = "sms.send"
	callbackKind  = "callback.post"
)

// The endpoints that callbacks go to.
const (
	healthy = "shop"
	flaky   = "flaky"
	broken  = "broken"
)

// openEndpoints serves stand-ins for the services that callbacks go to, and returns their address.
func openEndpoints(ctx context.Context, group *errgroup.Group) (string, error) {
	l, err := listen(ctx, "127.0.0.1:0", 0)
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+healthy, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /"+flaky, func(w http.ResponseWriter, r *http.Request) {
		const failures = 2
		if attempt, err := strconv.Atoi(r.Header.Get("Dueq-Attempt")); err != nil || attempt <= failures {
			http.Error(w, "try again later", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /"+broken, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusInternalServerError)
	})
	group.Go(func() error { return serve(ctx, dashboard.Server(mux), l) })
	return pageURL(l), nil
}

// The payloads.
type (
	smsBody      struct{ To, Text string }
	callbackBody struct{ Endpoint, Order string }
)

// handle sets the handlers of the worker.
func (d *demo) handle(w *worker.Worker, outside string) error {
	posters := map[string]*poster{}
	for _, endpoint := range []string{healthy, flaky, broken} {
		p, err := newPoster(outside+"/"+endpoint, demoConcurrency)
		if err != nil {
			return err
		}
		posters[endpoint] = p
	}
	w.Use(d.watch)
	worker.HandleJSON(w, smsKind, func(ctx context.Context, _ *queue.Delivery, _ smsBody) error {
		return sendSMS(ctx)
	})
	worker.HandleJSON(w, callbackKind, func(ctx context.Context, delivery *queue.Delivery, body callbackBody) error {
		p, ok := posters[body.Endpoint]
		if !ok {
			return worker.Dead(errors.New("no such endpoint"))
		}
		return p.run(ctx, delivery)
	})
	return nil
}

// sendSMS takes as long as a gateway may.
func sendSMS(ctx context.Context) error {
	const quickest, spread = 5 * time.Millisecond, 40 * time.Millisecond
	timer := time.NewTimer(quickest + rand.N(spread))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch notes when each job starts and tells how it ends.
func (d *demo) watch(next worker.Handler) worker.Handler {
	return worker.HandlerFunc(func(ctx context.Context, delivery *queue.Delivery) error {
		late := max(delivery.Lateness(), d.clock.now().Sub(delivery.Due))
		d.late.note(late, delivery.Lateness() < 0)
		err := next.Run(ctx, delivery)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			d.tale.done(delivery, late)
		case delivery.Failures+1 < delivery.MaxAttempts:
			d.tale.retry(delivery, err)
		}
		return err
	})
}

// The rhythm of the producer: what a short demo must show comes first and soon.
const (
	shortestGap  = 250 * time.Millisecond
	longestGap   = 700 * time.Millisecond
	firstDelay   = time.Second
	shortDelay   = 3 * time.Second
	longestDelay = 20 * time.Second
)

// produce enqueues jobs until ctx ends.
func (d *demo) produce(ctx context.Context) {
	for number := 1; ctx.Err() == nil; number++ {
		job, about := demoJob(number)
		if _, err := d.client.Enqueue(ctx, job); err == nil {
			d.tale.enqueued(job, about)
		} else if ctx.Err() == nil {
			d.tale.refused(job, err)
		}
		gap := time.NewTimer(shortestGap + rand.N(longestGap-shortestGap))
		select {
		case <-gap.C:
		case <-ctx.Done():
		}
		gap.Stop()
	}
}

// demoJob makes the job of that number, and says what it is.
func demoJob(number int) (job queue.Job, about string) {
	order := fmt.Sprintf("order %d", 1000+number)
	endpoint := endpointOf(number)
	if endpoint == "" {
		to := fmt.Sprintf("+1 555 01%02d", rand.IntN(100))
		return queue.Job{
			Queue: smsQueue, Kind: smsKind, ID: fmt.Sprintf("sms-%d", number), Delay: demoDelay(number), MaxAttempts: 3,
			Payload: mustJSON(smsBody{To: to, Text: "Rate " + order}), Tags: []string{"reminder"},
		}, "to " + to + ", " + order
	}
	job = queue.Job{
		Queue: callbackQueue, Kind: callbackKind, ID: fmt.Sprintf("callback-%d", number), Delay: demoDelay(number),
		Payload: mustJSON(callbackBody{Endpoint: endpoint, Order: order}), MaxAttempts: 5,
		Backoff: []time.Duration{time.Second, 2 * time.Second},
	}
	if endpoint == broken {
		job.MaxAttempts, job.Backoff = 3, []time.Duration{500 * time.Millisecond, time.Second}
	}
	return job, "to " + endpoint + ", " + order
}

// endpointOf is where the callback of that number goes; the others are text messages.
func endpointOf(number int) string {
	const round = 12
	switch number % round {
	case 1:
		return flaky
	case 2:
		return broken
	case 5, 8, 11:
		return healthy
	default:
		return ""
	}
}

// demoDelay is 1 to 20 s: the first jobs are due at once after a second, and later every other one soon.
func demoDelay(number int) time.Duration {
	const first = 4
	switch {
	case number <= first:
		return firstDelay
	case number%2 == 0:
		return firstDelay + rand.N(shortDelay-firstDelay)
	default:
		return firstDelay + rand.N(longestDelay-firstDelay)
	}
}

// mustJSON is for values that always are JSON.
func mustJSON(value any) []byte {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return out
}
