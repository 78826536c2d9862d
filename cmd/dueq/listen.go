package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// defaultListen is where the dashboard is unless told otherwise.
const defaultListen = "127.0.0.1:7373"

// isLoopback says whether only this machine can reach an address.
func isLoopback(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("address %q: want host:port", addr)
	}
	if host == "localhost" {
		return true, nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback(), nil
}

// listen opens an address. Where its port is taken it goes on to the next, up to spare of them.
func listen(ctx context.Context, addr string, spare int) (net.Listener, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: want host:port", addr)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	port, notNumber := strconv.Atoi(service)
	for try := 1; try <= spare && notNumber == nil && errors.Is(err, syscall.EADDRINUSE); try++ {
		l, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port+try)))
	}
	return l, err
}

// shutdownTime is how long requests under way may take at the end.
const shutdownTime = 3 * time.Second

// serve answers requests until ctx ends, and lets those under way finish.
func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		err := server.Shutdown(last)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	return <-stopped
}
