package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	smsQueue = "sms"
	smsKind  = "sms.send"
	// askAfter is the time from an order to its SMS.
	askAfter = 2 * time.Hour
	// remembered is how long after the SMS a repeated order is still known for one.
	remembered = 7 * 24 * time.Hour
)

// SMS is the payload of a job.
type SMS struct {
	Phone string `json:"phone"`
	Text  string `json:"text"`
}

type order struct {
	ID    string `json:"id"`
	Phone string `json:"phone"`
	Item  string `json:"item"`
}

// phoneNumber is the form of E.164.
var phoneNumber = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

type orders struct {
	client *queue.Client
	scale  scale
	logger *slog.Logger
}

// takeOrders is the service. It answers as soon as the job is in Redis: how slow the gateway is, or
// whether it is there at all, is nothing to the customer who orders.
func takeOrders(ctx context.Context, client *queue.Client, opts options, logger *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	o := &orders{client, opts.scale, logger}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", o.take)
	mux.HandleFunc("DELETE /orders/{id}", o.cancel)
	logger.InfoContext(ctx, "listening", slog.String("address", listener.Addr().String()))
	return serve(ctx, listener, mux)
}

func (o *orders) take(w http.ResponseWriter, r *http.Request) {
	var in order
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
	body.DisallowUnknownFields()
	if err := body.Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !phoneNumber.MatchString(in.Phone) || in.Item == "" || len(in.Item) > 100 || in.ID == "" {
		http.Error(w, `want {"id": "…", "phone": "+15550100", "item": "at most 100 bytes"}`, http.StatusBadRequest)
		return
	}
	payload, err := json.Marshal(SMS{in.Phone, fmt.Sprintf("How was %s? Answer with 1 to 5. (%s)", in.Item, in.ID)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// The order's ID is the job's ID. A client that got no answer repeats its request, and so does the
	// proxy before us: the second Enqueue finds the job there and says yes.
	_, err = o.client.Enqueue(r.Context(), queue.Job{
		Queue: smsQueue, Kind: smsKind, ID: in.ID, Payload: payload,
		Delay: o.scale.of(askAfter), Retain: o.scale.of(remembered),
	})
	if err != nil {
		o.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	if _, err := fmt.Fprintf(w, "order %s taken, its SMS goes out in %v\n", in.ID, o.scale.of(askAfter)); err != nil {
		o.logger.DebugContext(r.Context(), "answer", slog.Any("error", err))
	}
}

func (o *orders) cancel(w http.ResponseWriter, r *http.Request) {
	if err := o.client.Cancel(r.Context(), smsQueue, r.PathValue("id")); err != nil {
		o.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// refuse answers with what an error of the queue means to who ordered.
func (o *orders) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, queue.ErrInvalid):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.Is(err, queue.ErrNotFound):
		http.Error(w, "no such order", http.StatusNotFound)
	case errors.Is(err, queue.ErrConflict):
		http.Error(w, "this ID is that of another order", http.StatusConflict)
	case errors.Is(err, queue.ErrRunning):
		http.Error(w, "the SMS is being sent; it may be too late to stop it", http.StatusConflict)
	case errors.Is(err, queue.ErrEnded):
		http.Error(w, "the SMS was sent", http.StatusConflict)
	default:
		// Redis is away or full. Where even the outcome is unknown, the ID makes a repetition safe.
		o.logger.ErrorContext(r.Context(), "order", slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
		http.Error(w, "not now; please repeat the request", http.StatusServiceUnavailable)
	}
}

// serve answers requests until ctx ends, and gives those that came before time to finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute,
	}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := server.Shutdown(limit)
		if err != nil {
			// Most likely a connection on which nothing was asked yet: Shutdown counts it as busy for 5 s.
			err = server.Close()
		}
		stopped <- err
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
