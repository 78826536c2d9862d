package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type requeueOptions struct {
	selection
	all, json bool
}

func (c *cli) requeue() *cobra.Command {
	var o requeueOptions
	cmd := &cobra.Command{
		Use: "requeue QUEUE (ID... | --all)", Short: "Run dead or done jobs again",
		Long: `Make dead or done jobs ready again, with their counts reset: those named, or with --all every dead one, of a
kind or with a tag where that is given. Many jobs are only counted until --yes is given.`,
		Args: takes(1, many),
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "all dead jobs of the queue")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *requeueOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	name, ids := args[0], args[1:]
	if o.all == (len(ids) > 0) {
		return usagef("name the jobs by ID, or give --all")
	}
	if !o.all && (o.Kind != "" || o.Tag != "") {
		return usagef("--kind and --tag go with --all")
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.all {
		o.state = string(queue.Dead)
		if ids, err = o.choose(ctx, p, client.Inspector(), name, "requeued"); err != nil {
			return err
		}
	}
	c := change{verb: "requeued", list: !o.all, asJSON: o.json, do: func(ctx context.Context, id string) (string, error) {
		return "", client.Inspector().Requeue(ctx, name, id)
	}}
	return c.apply(ctx, p, ids)
}
