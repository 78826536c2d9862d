package main

import (
	"context"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

const schedulerAbout = `Make due jobs ready, take jobs back from workers that were lost, and remove what has been kept for long
enough. Every "dueq worker" runs one beside it; run it by itself where workers do not. Any number may run.`

func (c *cli) scheduler() *cobra.Command {
	cmd := &cobra.Command{
		Use: "scheduler", Short: "Move time forward: due jobs, lost workers, retention",
		Long: schedulerAbout, Args: takes(0, 0), RunE: c.act(runScheduler),
	}
	addSettings(cmd.Flags(), "scheduler")
	return cmd
}

func runScheduler(ctx context.Context, cfg *config, p *process, _ []string) error {
	logger, err := cfg.logger(p)
	if err != nil {
		return err
	}
	client, err := cfg.open(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := newScheduler(cfg, client, logger)
	if err != nil {
		return err
	}
	metrics, err := metricsListener(ctx, cfg.scheduler.metricsListen)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return runMetrics(ctx, metrics, client, logger, []figures{schedulerFigures(s)}) })
	return group.Wait()
}
