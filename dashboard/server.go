package dashboard

import (
	"net/http"
	"time"
)

// Server returns a server of the handler, such as a Dashboard or the mux it is mounted in, with
// time-outs that suit it. It does not listen, and its Addr is not set. Event streams move their own
// deadlines, so that neither time-out cuts them, and end with the context of Run: call Shutdown after
// that.
func Server(handler http.Handler) *http.Server {
	const (
		headerTimeout = 5 * time.Second
		answerTimeout = 15 * time.Second
		idleTimeout   = 2 * time.Minute
		headerBytes   = 16 << 10
	)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       answerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
	}
}
