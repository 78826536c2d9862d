package node

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"
)

// awaitTimeout is long because a loaded machine starts many at once.
const awaitTimeout = 30 * time.Second

var errEnded = errors.New("node: ended while it was awaited")

// await returns nil once ready says so, errEnded when ended is closed before,
// and the context's error when the time is over.
func await(ctx context.Context, ended <-chan struct{}, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-ended:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// freePort returns a port that is free, and so is the one of its cluster bus.
func freePort() (int, error) {
	const busOffset = 10000
	for {
		l, err := listen(0)
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		bus, err := listen(port + busOffset)
		_ = l.Close()
		if err == nil {
			return port, bus.Close()
		}
	}
}

func listen(port int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
