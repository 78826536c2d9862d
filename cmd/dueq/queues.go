package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type queuesOptions struct {
	watch, json bool
	every       time.Duration
}

const defaultEvery = 2 * time.Second

func (c *cli) queues() *cobra.Command {
	var o queuesOptions
	cmd := &cobra.Command{
		Use: "queues [QUEUE...]", Short: "Show every queue: depth by state, what is late, what is next",
		Long: `Show every queue, or those named: how many jobs are in each state, how many are due but not yet ready
(late: above 0 for long means that no scheduler runs), how long the oldest ready job has been due, when the
next is due, how many jobs a second came in and were done in the last 5 minutes, how late after their due time
99 of 100 started at most, and how many workers serve it.`,
	}
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show it again and again until interrupted, with the rates since the time before")
	cmd.Flags().DurationVar(&o.every, "every", defaultEvery, "with --watch: how often")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *queuesOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	if o.every < defaultEvery/20 {
		return usagef("--every %v: want at least %v", o.every, defaultEvery/20)
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if !o.watch {
		infos, err := readQueues(ctx, client, args)
		if err != nil {
			return err
		}
		return o.print(p, infos, nil, 0)
	}
	return o.loop(ctx, p, client, args)
}

// loop shows the queues until ctx ends. A Redis that is away is said and waited for.
func (o *queuesOptions) loop(ctx context.Context, p *process, client *queue.Client, names []string) error {
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	screen := isTerminal(p.out) && !o.json
	var before []queueView
	began := time.Now()
	for {
		infos, err := readQueues(ctx, client, names)
		if ctx.Err() != nil {
			return nil
		}
		now := time.Now()
		if screen {
			_, _ = fmt.Fprint(p.out, "\x1b[H\x1b[2J")
		}
		if err != nil {
			p.note("dueq: %s", oneLine(err.Error()))
		} else {
			if err := o.print(p, infos, before, now.Sub(began)); err != nil {
				return err
			}
			before, began = infos, now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// print shows the queues; with those of before the rates are since then.
func (o *queuesOptions) print(p *process, infos, before []queueView, since time.Duration) error {
	if o.json {
		if o.watch {
			return writeLine(p.out, infos)
		}
		return writeJSON(p.out, infos)
	}
	if len(infos) == 0 {
		_, err := fmt.Fprintln(p.errOut, "no queue has had a job yet")
		return err
	}
	rows := [][]string{{
		"QUEUE", "DELAYED", "READY", "LEASED", "RETRYING", "DEAD", "DONE", "LATE", "OLDEST", "NEXT",
		"IN/S", "DONE/S", "P99", "WORKERS", "STATUS",
	}}
	for i := range infos {
		q := &infos[i]
		in, done := rateText(q.Recent.In), rateText(q.Recent.Done)
		if before != nil {
			in, done = rate(&q.QueueInfo, before, "enqueue", since), rate(&q.QueueInfo, before, "ack", since)
		}
		p99 := "-"
		if ms := q.Recent.Lateness.P99; ms != nil {
			p99 = short(time.Duration(*ms * float64(time.Millisecond)))
		}
		rows = append(rows, append(queueRow(&q.QueueInfo), in, done, p99, strconv.Itoa(q.Workers), queueStatus(&q.QueueInfo)))
	}
	return table(p.out, rows)
}

func rateText(perSecond float64) string { return strconv.FormatFloat(perSecond, 'f', 1, 64) }

func queueRow(q *queue.QueueInfo) []string {
	row := []string{q.Name}
	for _, state := range queue.States() {
		row = append(row, strconv.FormatInt(q.State(state), 10))
	}
	late, oldest, next := "-", "-", "-"
	if q.Overdue > 0 {
		late = fmt.Sprintf("%d, %s", q.Overdue, short(q.OverdueAge))
	}
	if q.Ready > 0 {
		oldest = short(q.OldestReady)
	}
	if q.NextDue >= 0 {
		next = "in " + short(q.NextDue)
	}
	return append(row, late, oldest, next)
}

// rate is how often a verb was carried out in a second. A count that has fallen began anew.
func rate(q *queue.QueueInfo, before []queueView, verb string, since time.Duration) string {
	for i := range before {
		if before[i].Name == q.Name && since > 0 {
			grown := max(0, q.Counts[verb]-before[i].Counts[verb])
			return rateText(float64(grown) / since.Seconds())
		}
	}
	return "-"
}

func queueStatus(q *queue.QueueInfo) string {
	var words []string
	if q.Paused {
		words = append(words, "paused")
	}
	if q.Closed {
		words = append(words, "closed")
	}
	if q.MaxLen > 0 {
		words = append(words, fmt.Sprintf("limit %d", q.MaxLen))
	}
	if len(words) == 0 {
		return "open"
	}
	return strings.Join(words, ", ")
}
