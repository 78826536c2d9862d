package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// gatewayTakes is how long the stand-in takes for a message.
	gatewayTakes = 150 * time.Millisecond
	// gatewayAtOnce is how many messages it takes at a time: fewer than the worker sends.
	gatewayAtOnce = 3
)

// gateway stands in for the SMS gateway. Like a real one it is slow, refuses what is too much for it,
// does not know every number, and sends one message for one Idempotency-Key.
type gateway struct {
	logger *slog.Logger
	places chan struct{}

	mu   sync.Mutex
	sent map[string]bool // a real one forgets in time
}

func newGateway(logger *slog.Logger) *gateway {
	return &gateway{logger: logger, places: make(chan struct{}, gatewayAtOnce), sent: map[string]bool{}}
}

func listenGateway(ctx context.Context) (net.Listener, string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	return listener, "http://" + listener.Addr().String(), nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case g.places <- struct{}{}:
		defer func() { <-g.places }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many at once", http.StatusTooManyRequests)
		return
	}
	var sms SMS
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&sms); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(gatewayTakes):
	case <-r.Context().Done():
		return
	}
	if strings.HasSuffix(sms.Phone, "0000") {
		http.Error(w, "no such number", http.StatusUnprocessableEntity)
		return
	}
	if key := r.Header.Get("Idempotency-Key"); g.first(key) {
		g.logger.InfoContext(r.Context(), "gateway: sent", slog.String("to", sms.Phone),
			slog.String("text", sms.Text), slog.String("reference", key))
	}
	w.WriteHeader(http.StatusAccepted)
}

// first says whether a message with this key is new.
func (g *gateway) first(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { g.sent[key] = true }()
	return !g.sent[key]
}
