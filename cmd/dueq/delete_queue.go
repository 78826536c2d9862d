package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type deleteQueueOptions struct {
	force, json bool
}

func (c *cli) deleteQueue() *cobra.Command {
	var o deleteQueueOptions
	cmd := &cobra.Command{
		Use: "delete-queue QUEUE", Short: "Remove a queue with its settings and counts", Args: takes(1, 1),
		Long: `Remove a queue with its settings, its counts and the done jobs that it keeps. One that has other jobs, or that
workers serve, stays unless it is forced; its jobs are gone then, also those that run: their handlers end, and what
they did is not noted. A producer that enqueues afterwards begins the queue anew.`,
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "also with jobs in it, and workers that serve it")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *deleteQueueOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	jobs, err := client.Inspector().DeleteQueue(ctx, args[0], o.force)
	if errors.Is(err, queue.ErrNotEmpty) || errors.Is(err, queue.ErrServed) {
		return fmt.Errorf("%w; --force deletes it all the same", err)
	}
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(p.out, map[string]any{"queue": args[0], "jobs": jobs})
	}
	_, err = fmt.Fprintf(p.out, "deleted queue %s with %s\n", args[0], plural(jobs, "job"))
	return err
}
