package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/dueq-io/dueq/queue"
)

type api struct {
	client *queue.Client
	hosts  hosts
	logger *slog.Logger
}

// takeCallbacks is the HTTP side: what hands callbacks in, and what shows those that are dead.
func takeCallbacks(ctx context.Context, client *queue.Client, opts options, logger *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	a := &api{client, opts.hosts, logger}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callbacks", a.enqueue)
	mux.HandleFunc("GET /dead", a.dead)
	mux.Handle("POST /demo/", newReceivers(logger))
	logger.InfoContext(ctx, "listening", slog.String("address", listener.Addr().String()))
	return serve(ctx, listener, mux)
}

// enqueue takes {"id": "…", "url": "…", "body": …}; who gives an ID may repeat the request.
func (a *api) enqueue(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID string `json:"id"`
		Callback
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	body.DisallowUnknownFields()
	err := body.Decode(&in)
	if err == nil {
		err = a.hosts.check(in.URL)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	payload, err := json.Marshal(in.Callback)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, err := a.client.Enqueue(r.Context(), queue.Job{Queue: callbackQueue, Kind: callbackKind, ID: in.ID, Payload: payload})
	switch {
	case errors.Is(err, queue.ErrInvalid):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.Is(err, queue.ErrConflict):
		http.Error(w, "this ID is that of another callback", http.StatusConflict)
	case err != nil:
		a.unavailable(w, r, err)
	default:
		a.answer(w, r, http.StatusAccepted, map[string]string{"id": id})
	}
}

// deadCallback is what GET /dead says of one. "dueq requeue" gives it another day.
type deadCallback struct {
	ID       string       `json:"id"`
	URL      string       `json:"url"`
	Died     time.Time    `json:"died"`
	Reason   queue.Reason `json:"reason"`
	Attempts int          `json:"attempts"`
	Error    string       `json:"error"`
}

// dead lists the latest that died.
func (a *api) dead(w http.ResponseWriter, r *http.Request) {
	page, err := a.client.Inspector().Jobs(r.Context(), callbackQueue, queue.Query{State: queue.Dead, Limit: 100})
	if err != nil {
		a.unavailable(w, r, err)
		return
	}
	list := []deadCallback{}
	for _, job := range page.Jobs {
		one := deadCallback{ID: job.ID, Died: job.At, Reason: job.Reason, Attempts: job.Failures}
		var c Callback
		if json.Unmarshal(job.Payload, &c) == nil {
			one.URL = c.URL
		}
		if len(job.Errors) > 0 {
			one.Error = job.Errors[0].Error
		}
		list = append(list, one)
	}
	a.answer(w, r, http.StatusOK, list)
}

func (a *api) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	a.logger.ErrorContext(r.Context(), "redis", slog.Any("error", err))
	w.Header().Set("Retry-After", "5")
	http.Error(w, "not now; please repeat the request", http.StatusServiceUnavailable)
}

func (a *api) answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	lines := json.NewEncoder(w)
	lines.SetIndent("", "  ")
	if err := lines.Encode(body); err != nil {
		a.logger.DebugContext(r.Context(), "answer", slog.Any("error", err))
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
