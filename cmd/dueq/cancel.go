package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type cancelOptions struct {
	selection
	json bool
}

func (c *cli) cancel() *cobra.Command {
	var o cancelOptions
	cmd := &cobra.Command{
		Use: "cancel QUEUE (ID... | --tag T | --kind K | --state S)", Short: "End jobs that wait, or tell running ones to stop",
		Long: `Cancel jobs by ID, or all that have a tag, a kind or a state (all of what is given). What waits or is dead
is gone at once. What runs is flagged: its handler is told to stop at the next heartbeat, and the job is
gone when it has returned. Many jobs are only counted until --yes is given.`,
		Example: "  dueq cancel sms 06F2K8…\n  dueq cancel sms --tag order-1001 --yes",
		Args:    takes(1, many),
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.state, "state", "", "all jobs in this state")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *cancelOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	name, ids := args[0], args[1:]
	chosen := o.Tag != "" || o.Kind != "" || o.state != ""
	if chosen == (len(ids) > 0) {
		return usagef("name the jobs by ID, or give --tag, --kind or --state")
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if chosen {
		if ids, err = o.choose(ctx, p, client.Inspector(), name, "cancelled"); err != nil {
			return err
		}
	}
	c := change{verb: "cancelled", list: !chosen, asJSON: o.json, do: func(ctx context.Context, id string) (string, error) {
		err := client.Cancel(ctx, name, id)
		if errors.Is(err, queue.ErrRunning) {
			return ", which is running and was told to stop", nil
		}
		return "", err
	}}
	return c.apply(ctx, p, ids)
}
