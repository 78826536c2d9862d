// Package dashboard is a web page that shows operators within three seconds whether the queues are
// healthy, which is not, and why. It is an http.Handler, for anyone's own server:
//
//	package main
//
//	import (
//		"context"
//		"errors"
//		"log/slog"
//		"net/http"
//		"os"
//		"os/signal"
//		"syscall"
//
//		"github.com/dueq-io/dueq/dashboard"
//		"github.com/dueq-io/dueq/queue"
//	)
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
//		err := serve(ctx)
//		stop()
//		if err != nil {
//			slog.Error("dashboard", "error", err)
//			os.Exit(1)
//		}
//	}
//
//	func serve(ctx context.Context) error {
//		client, err := queue.Open(ctx, "redis://localhost:6379/0")
//		if err != nil {
//			return err
//		}
//		defer client.Close()
//		dash, err := dashboard.New(client, dashboard.Config{BasePath: "/dueq"})
//		if err != nil {
//			return err
//		}
//		mux := http.NewServeMux()
//		mux.Handle("/dueq/", dash) // without http.StripPrefix
//		server := dashboard.Server(mux)
//		server.Addr = "127.0.0.1:7373"
//
//		ctx, stop := context.WithCancelCause(ctx)
//		go func() { stop(server.ListenAndServe()) }()
//		err = dash.Run(ctx) // samples Redis until ctx ends; then the event streams end
//		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
//			return errors.Join(err, cause) // the address is taken, or the like
//		}
//		return errors.Join(err, server.Shutdown(context.Background()))
//	}
//
// # Routes
//
// All are below Config.BasePath. GET, which also answers HEAD, changes nothing.
//
//	GET  /                 Overview: verdict, tiles, every queue; and /queues, /queue, /jobs, /job, /errors,
//	                       /schedule, /workers, /producers, /charts, /alerts, /redis, /journal, /operation
//	GET  /events/…         what is live of the page of that path and query, as server-sent events
//	GET  /api/v1/…         numbers as JSON: queues, schedule, series, workers, producers, redis
//	GET  /metrics          numbers for Prometheus
//	GET  /healthz          200 while Run runs, with the age of the last good sample
//	GET  /readyz           200 while Redis answers, too
//	GET  /static/…         embedded files, named by their content
//	POST /act              does something to jobs; and /queue/act, /operation/stop, /job/reveal, /workers
//	POST /preferences      theme, language and keys, in a cookie
//	GET  /login            and POST: signing in, where Config.Access has a login
//	POST /logout           signing out
//	GET  /sessions         for admins; POST /sessions/end ends one
//
// # One collector
//
// Run reads Redis once a second while someone watches and every ten seconds otherwise, in a number of
// commands that grows with the number of queues and with nothing else. What it read is an immutable
// frame, from which every tab, the JSON and the metrics are served: more readers cost Redis nothing. A
// fragment of a page is rendered at most once per frame, by the template that also renders the page.
// When samples fail, the page says so, and after three it no longer shows old numbers as if they were
// new.
//
// # Security
//
// The package never listens. With a zero Config.Access everyone who reaches it may look; whoever mounts
// it where others can reach it gives it users, a proxy that says who makes a request, or an
// Authenticator, or calls it with access.With. What a route needs is a part of its line in the table of
// routes, and what of the queues a request may know of comes through the queues that its identity sees,
// with secrets of jobs hidden. There are a list of host names against DNS rebinding, a
// Content-Security-Policy under which only its own embedded files run, no CORS headers, cross-origin
// requests refused, limits on streams, requests and bodies, and html/template for everything that comes
// from Redis. Sessions and the journal are in Redis, so that any number of dashboards share them.
package dashboard
