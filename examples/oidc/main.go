// Oidc serves a dashboard to which people sign in at an OpenID provider, such as Keycloak, Dex, Google or
// Entra. It is a module of its own, so that the libraries it uses are in nobody else's go.sum.
//
// It shows how to plug another login into the dashboard: provider.go is an access.Authenticator. The
// provider's "groups" claim gives roles: dueq-admin, dueq-operator and dueq-viewer.
//
//	cd examples/oidc
//	OIDC_CLIENT_SECRET=… go run . --issuer https://id.example/realms/ops --client-id dueq --public-url http://localhost:8084
//
// At the provider, allow <public-url>/login/back as a redirect URI.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second ^C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "oidc:", err)
		os.Exit(1)
	}
}

type options struct{ issuer, clientID, publicURL, listen, redis, namespace string }

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("oidc", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.issuer, "issuer", "", "the URL of the provider")
	flags.StringVar(&o.clientID, "client-id", "dueq", "the dashboard's name at the provider")
	flags.StringVar(&o.publicURL, "public-url", "http://localhost:8084", "where browsers find the dashboard")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8084", "the address to listen on")
	flags.StringVar(&o.redis, "redis", "memory://", "the Redis server")
	flags.StringVar(&o.namespace, "namespace", "dueq", "the first part of every key")
	return o, flags.Parse(args)
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stdout, nil))
	provider := &Provider{
		Name: "OpenID", ClientID: o.clientID, ClientSecret: os.Getenv("OIDC_CLIENT_SECRET"),
		Groups: map[string]access.Role{"dueq-admin": access.Admin, "dueq-operator": access.Operator, "dueq-viewer": access.Viewer},
	}
	if err := provider.Discover(ctx, o.issuer); err != nil {
		return err
	}
	client, err := queue.Config{Namespace: o.namespace, Logger: logger}.Open(ctx, o.redis)
	if err != nil {
		return err
	}
	defer client.Close()
	dash, err := dashboard.New(client, dashboard.Config{
		PublicURL: o.publicURL, Access: access.Config{Authenticator: provider}, Logger: logger,
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "dashboard", "address", "http://"+l.Addr().String()+"/")
	return serve(ctx, dash, l)
}

func serve(ctx context.Context, dash *dashboard.Dashboard, l net.Listener) error {
	server := dashboard.Server(dash)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return dash.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		const patience = 3 * time.Second
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := server.Shutdown(last); err == nil {
			return nil
		}
		// Most likely a connection on which nothing was asked yet: Shutdown counts it as busy for 5 s.
		return server.Close()
	})
	return group.Wait()
}
