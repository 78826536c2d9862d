package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type purgeOptions struct {
	dead, yes bool
	olderThan time.Duration
}

func (c *cli) purge() *cobra.Command {
	var o purgeOptions
	cmd := &cobra.Command{
		Use: "purge QUEUE --dead", Short: "Remove dead jobs for good", Args: cobra.MatchAll(takes(1, 1), oneOf("dead")),
		Long: `Remove the dead jobs of a queue for good, or only those that died longer ago than --older-than. Nothing is
removed until --yes is given.`,
	}
	cmd.Flags().BoolVar(&o.dead, "dead", false, "the dead jobs")
	cmd.Flags().DurationVar(&o.olderThan, "older-than", 0, "only those that died longer ago than this")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do it, after looking at the count that is shown without")
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *purgeOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	name := args[0]
	if o.olderThan < 0 {
		return usagef("--older-than %v: want 0 or more", o.olderThan)
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if !o.yes {
		return o.preview(ctx, client, name)
	}
	removed, err := o.remove(ctx, p, client.Broker(), name)
	if err != nil {
		return fmt.Errorf("after %s: %w", plural(removed, "job"), err)
	}
	_, err = fmt.Fprintf(p.out, "purged %s\n", plural(removed, "dead job"))
	return err
}

// preview counts what is there. How many of them are old enough nobody knows without reading them all.
func (o *purgeOptions) preview(ctx context.Context, client *queue.Client, name string) error {
	info, err := client.Inspector().Queue(ctx, name)
	if err != nil {
		return err
	}
	which := "all of them"
	if o.olderThan > 0 {
		which = "those that died over " + short(o.olderThan) + " ago"
	}
	return fmt.Errorf("queue %s has %s; repeat it with --yes to remove %s", name, plural(info.Dead, "dead job"), which)
}

// remove takes bounded parts until there is nothing left to take. Jobs that die meanwhile are not old
// enough for longer than the first part, so it ends.
func (o *purgeOptions) remove(ctx context.Context, p *process, broker *queue.Broker, name string) (int, error) {
	shown := newProgress(p.errOut)
	defer shown.done()
	began, removed := time.Now(), 0
	for {
		part, err := broker.Purge(ctx, name, queue.PurgeConfig{
			Limit: maxPage, DeadAge: o.olderThan + time.Since(began), DeadKeep: -1, DoneKeep: -1,
		})
		removed += part.Dead
		if err != nil || part.Dead < maxPage {
			return removed, err
		}
		shown.show("purged %d", removed)
	}
}
