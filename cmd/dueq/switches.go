package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

// The switches of a queue are commands of one shape.

func (c *cli) pause() *cobra.Command {
	return c.toggle("pause", "paused", "Give workers no more jobs of a queue", (*queue.Inspector).Pause)
}

func (c *cli) resume() *cobra.Command {
	return c.toggle("resume", "resumed", "End a pause", (*queue.Inspector).Resume)
}

func (c *cli) closeIntake() *cobra.Command {
	return c.toggle("close", "closed", "Refuse new jobs of producers", (*queue.Inspector).CloseIntake)
}

func (c *cli) openIntake() *cobra.Command {
	return c.toggle("open", "opened", "Take new jobs again", (*queue.Inspector).OpenIntake)
}

func (c *cli) toggle(verb, done, about string, do func(in *queue.Inspector, ctx context.Context, name string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " QUEUE...", Short: about, Args: takes(1, many),
		RunE: c.act(func(ctx context.Context, cfg *config, p *process, args []string) error {
			return onQueues(ctx, cfg, p, args, func(in *queue.Inspector, name string) (string, error) {
				return done + " " + name, do(in, ctx, name)
			})
		}),
	}
}

func (c *cli) limit() *cobra.Command {
	const flag = "max-len"
	var most int64
	cmd := &cobra.Command{
		Use: "limit QUEUE... --max-len N", Short: "Refuse new jobs above a number of them", Args: cobra.MatchAll(takes(1, many), oneOf(flag)),
		Long: "Refuse new jobs of a queue while it holds N, dead and done ones aside. 0 takes the limit away.",
	}
	cmd.Flags().Int64Var(&most, flag, 0, "how many jobs the queue may hold; 0: any number")
	cmd.RunE = c.act(func(ctx context.Context, cfg *config, p *process, args []string) error {
		return onQueues(ctx, cfg, p, args, func(in *queue.Inspector, name string) (string, error) {
			said := fmt.Sprintf("limited %s to %s", name, plural(most, "job"))
			if most == 0 {
				said = "took the limit from " + name
			}
			return said, in.SetMaxLen(ctx, name, most)
		})
	})
	return cmd
}

// onQueues does something to each queue named. A name that is not known yet is taken, since a queue can be
// set up before its first job, but said, since it may be a typing error.
func onQueues(ctx context.Context, cfg *config, p *process, names []string, do func(in *queue.Inspector, name string) (string, error)) error {
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	known, err := client.Broker().Queues(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		said, err := do(client.Inspector(), name)
		if err != nil {
			return err
		}
		if !slices.Contains(known, name) {
			said += ", which has had no job yet"
		}
		if _, err := fmt.Fprintln(p.out, said); err != nil {
			return err
		}
	}
	return nil
}
