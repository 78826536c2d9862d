package main

import (
	"log/slog"
	"net/http"
	"strconv"
)

// newReceivers returns receivers to try the example on: /demo/flaky fails twice, /demo/down always, and
// /demo/gone wants no more callbacks.
func newReceivers(logger *slog.Logger) http.Handler {
	receiver := func(status func(attempt int) int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			attempt, err := strconv.Atoi(r.Header.Get("Callback-Attempt"))
			if err != nil {
				http.Error(w, "Callback-Attempt: "+err.Error(), http.StatusBadRequest)
				return
			}
			answer := status(attempt)
			logger.InfoContext(r.Context(), "receiver", slog.String("path", r.URL.Path),
				slog.Int("attempt", attempt), slog.Int("answers", answer))
			w.WriteHeader(answer)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/demo/flaky", receiver(func(attempt int) int {
		if attempt <= 2 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	}))
	mux.Handle("/demo/down", receiver(func(int) int { return http.StatusServiceUnavailable }))
	mux.Handle("/demo/gone", receiver(func(int) int { return http.StatusGone }))
	return mux
}
