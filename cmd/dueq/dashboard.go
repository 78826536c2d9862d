package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
)

const dashboardAbout = `Serve the dashboard: every queue with its depth by state, what is late and why, live; and /metrics for
Prometheus, /api/v1/queues as JSON, /healthz and /readyz.

On 127.0.0.1, the default, whoever uses this machine may do everything. An address that others can reach is served
only with a login: people in --users-file, whose lines "dueq dashboard user" prints, or a proxy that says who they
are (--trusted-proxy and --proxy-secret-file). With --insecure-no-auth everyone who reaches it may look, and nobody
may change anything. --public-url and --host say under which names it may be asked for, beside localhost.`

func (c *cli) dashboard() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dashboard", Short: "Serve the dashboard and the metrics", Long: dashboardAbout, Args: takes(0, 0),
		RunE: c.act(runDashboard),
	}
	addSettings(cmd.Flags(), "dashboard")
	cmd.AddCommand(c.dashboardUser())
	return cmd
}

func runDashboard(ctx context.Context, cfg *config, p *process, _ []string) error {
	set := &cfg.dashboard
	logger, err := cfg.logger(p)
	if err != nil {
		return err
	}
	who, err := set.access()
	if err != nil {
		return err
	}
	thresholds, err := thresholdsOf(set.thresholds)
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
	if local, _ := isLoopback(set.listen); !local && who.Login() && !strings.HasPrefix(set.publicURL, "https://") {
		logger.WarnContext(ctx, "dashboard: passwords and cookies cross the network in the clear; have a proxy speak TLS and set --public-url https://…")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	err = startDashboard(ctx, group, client, l, dashboard.Config{
		BasePath: set.basePath, Hosts: append(hostsOf(set.listen), set.hosts...), PublicURL: set.publicURL,
		Access: who, ReadOnly: set.readOnly, Redact: set.redact(), Logger: logger,
		QueueThresholds: thresholds,
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
