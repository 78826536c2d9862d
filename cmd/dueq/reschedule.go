package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

type rescheduleOptions struct{ delay, due string }

func (c *cli) reschedule() *cobra.Command {
	var o rescheduleOptions
	cmd := &cobra.Command{
		Use: "reschedule QUEUE ID (--delay D | --due T)", Short: "Give a job that waits another due time",
		Args: cobra.MatchAll(takes(2, 2), oneOf("delay", "due"), notTogether("delay", "due")),
		Long: "Give a delayed or retrying job another due time. A job whose time has come is not put off any more.",
	}
	cmd.Flags().StringVar(&o.delay, "delay", "", "this long from now, such as 15m")
	cmd.Flags().StringVar(&o.due, "due", "", "at this time, such as 2026-01-31T15:04:05Z")
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *rescheduleOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	var delay time.Duration
	var due time.Time
	if err := parseDuration("--delay", o.delay, &delay); err != nil {
		return usagef("%s", err)
	}
	if err := parseTime("--due", o.due, &due); err != nil {
		return usagef("%s", err)
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	when := "in " + short(delay)
	if o.due != "" {
		when = "at " + stamp(due)
		err = client.RescheduleAt(ctx, args[0], args[1], due)
	} else {
		err = client.Reschedule(ctx, args[0], args[1], delay)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s is due %s\n", args[1], when)
	return err
}
