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
(late: above 0 for long means that no scheduler runs), how long the oldest ready job has been due, and when
the next is due.`,
	}
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show it again and again until interrupted, with rates")
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
	var before []queue.QueueInfo
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

// readQueues reads all queues, or those named.
func readQueues(ctx context.Context, client *queue.Client, names []string) ([]queue.QueueInfo, error) {
	if len(names) == 0 {
		return client.Inspector().Queues(ctx)
	}
	out := make([]queue.QueueInfo, len(names))
	for i, name := range names {
		var err error
		if out[i], err = client.Inspector().Queue(ctx, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// print shows the queues; with those of before it also shows rates.
func (o *queuesOptions) print(p *process, infos, before []queue.QueueInfo, since time.Duration) error {
	if o.json {
		if infos == nil {
			infos = []queue.QueueInfo{}
		}
		if o.watch {
			return writeLine(p.out, infos)
		}
		return writeJSON(p.out, infos)
	}
	if len(infos) == 0 {
		_, err := fmt.Fprintln(p.errOut, "no queue has had a job yet")
		return err
	}
	rows := [][]string{{"QUEUE", "DELAYED", "READY", "LEASED", "RETRYING", "DEAD", "DONE", "LATE", "OLDEST", "NEXT"}}
	if before != nil {
		rows[0] = append(rows[0], "IN/S", "DONE/S")
	}
	rows[0] = append(rows[0], "STATUS")
	for i := range infos {
		row := queueRow(&infos[i])
		if before != nil {
			row = append(row, rate(&infos[i], before, "enqueue", since), rate(&infos[i], before, "ack", since))
		}
		rows = append(rows, append(row, queueStatus(&infos[i])))
	}
	return table(p.out, rows)
}

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
func rate(q *queue.QueueInfo, before []queue.QueueInfo, verb string, since time.Duration) string {
	for i := range before {
		if before[i].Name == q.Name && since > 0 {
			grown := max(0, q.Counts[verb]-before[i].Counts[verb])
			return strconv.FormatFloat(float64(grown)/since.Seconds(), 'f', 1, 64)
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
