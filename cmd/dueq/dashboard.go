package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
)

const dashboardAbout = `Serve the dashboard: every queue with its depth by state, what is late and why, live; and /metrics for
Prometheus, /api/v1/queues as JSON and /healthz. There is no login yet, so it serves this machine only,
unless --insecure-no-auth is given, for a proxy in front that asks for one. --host names the host names
under which it may be asked for then.`

func (c *cli) dashboard() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dashboard", Short: "Serve the dashboard and the metrics", Long: dashboardAbout, Args: takes(0, 0),
		RunE: c.act(runDashboard),
	}
	addSettings(cmd.Flags(), "dashboard")
	return cmd
}

func runDashboard(ctx context.Context, cfg *config, p *process, _ []string) error {
	set := cfg.dashboard
	if !set.insecureNoAuth {
		if err := checkLoopback(set.listen); err != nil {
			return fmt.Errorf("%w, or --insecure-no-auth behind a proxy that asks for one", err)
		}
	}
	logger, err := cfg.logger(p)
	if err != nil {
		return err
	}
	alarms, err := cfg.alarm(logger)
	if err != nil {
		return err
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	l, err := listen(ctx, set.listen, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	err = startDashboard(ctx, group, client, l, dashboard.Config{
		BasePath: set.basePath, Hosts: append(hostsOf(set.listen), set.hosts...), PublicURL: set.publicURL, Logger: logger,
	})
	if err != nil {
		_ = l.Close()
		return err
	}
	if err := startAlarms(ctx, group, client, alarms); err != nil {
		return err
	}
	logger.InfoContext(ctx, "dashboard", slog.String("address", pageURL(l)+set.basePath+"/"))
	return group.Wait()
}

// startDashboard has the group serve a dashboard until ctx ends.
func startDashboard(ctx context.Context, group *errgroup.Group, client *queue.Client, l net.Listener, cfg dashboard.Config) error {
	d, err := dashboard.New(client, cfg)
	if err != nil {
		return err
	}
	group.Go(func() error { return d.Run(ctx) })
	group.Go(func() error {
		if err := serve(ctx, dashboard.Server(d), l); err != nil {
			return fmt.Errorf("dashboard: %w", err)
		}
		return nil
	})
	return nil
}

// hostsOf is the host of an address to listen on, where it names one that is not this machine's own.
func hostsOf(addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if ip, notIP := netip.ParseAddr(host); err != nil || host == "" || (notIP == nil && ip.IsUnspecified()) {
		return nil
	}
	return []string{host}
}

func pageURL(l net.Listener) string { return "http://" + l.Addr().String() }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
