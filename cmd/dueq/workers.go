package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type workersOptions struct {
	quiet, stop, json bool
}

const hostWidth = 30

func (c *cli) workers() *cobra.Command {
	var o workersOptions
	cmd := &cobra.Command{
		Use: "workers [ID...]", Short: "Show who is alive: workers, producers, schedulers; quiet or stop workers",
		Long: `Show the workers that are alive: what they serve, how many jobs they run, and for how long the oldest of
these; then the programs that enqueue, and the schedulers. One is gone 10 s after its last beat.

--quiet asks the workers named to lease no more jobs, for good; those that run go on. --stop asks them to stop as
a signal would: jobs finish for the grace time, and then the worker ends. A worker hears it within about a second,
and shows it as its state.`,
	}
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "ask the workers named to lease no more jobs")
	cmd.Flags().BoolVar(&o.stop, "stop", false, "ask the workers named to stop")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.MarkFlagsMutuallyExclusive("quiet", "stop", "json")
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *workersOptions) run(ctx context.Context, cfg *config, p *process, ids []string) error {
	asking := o.quiet || o.stop
	if asking != (len(ids) > 0) {
		return usagef("name the workers to --quiet or --stop by the IDs that \"dueq workers\" shows")
	}
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if asking {
		return o.ask(ctx, p, client.Inspector(), ids)
	}
	fleet, err := client.Inspector().Fleet(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(p.out, fleetView{nonNil(fleet.Workers), nonNil(fleet.Producers), nonNil(fleet.Schedulers)})
	}
	return printFleet(p, &fleet, time.Now())
}

// fleetView is a fleet as JSON, where nobody is an empty list.
type fleetView struct {
	Workers    []queue.WorkerInfo    `json:"workers"`
	Producers  []queue.ProducerInfo  `json:"producers"`
	Schedulers []queue.SchedulerInfo `json:"schedulers"`
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (o *workersOptions) ask(ctx context.Context, p *process, in *queue.Inspector, ids []string) error {
	do, said := in.QuietWorker, "asked %s to be quiet\n"
	if o.stop {
		do, said = in.StopWorker, "asked %s to stop\n"
	}
	for _, id := range ids {
		if err := do(ctx, id); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.out, said, id); err != nil {
			return err
		}
	}
	return nil
}

func printFleet(p *process, f *queue.Fleet, now time.Time) error {
	if len(f.Workers)+len(f.Producers)+len(f.Schedulers) == 0 {
		_, err := fmt.Fprintln(p.errOut, "no worker, producer or scheduler is alive")
		return err
	}
	for i, part := range [][][]string{workerRows(f.Workers, now), producerRows(f.Producers, now), schedulerRows(f.Schedulers, now)} {
		if i > 0 {
			_, _ = fmt.Fprintln(p.out)
		}
		if err := table(p.out, part); err != nil {
			return err
		}
	}
	return nil
}

func workerRows(workers []queue.WorkerInfo, now time.Time) [][]string {
	rows := [][]string{{"WORKER", "NAME", "HOST", "PID", "VERSION", "STATE", "BUSY", "OLDEST JOB", "DONE", "UP", "QUEUES"}}
	for i := range workers {
		w := &workers[i]
		oldest := "-"
		if len(w.Running) > 0 {
			oldest = short(max(0, now.Sub(w.Running[0].Since))) + " " + visible(w.Running[0].Kind, kindWidth)
		}
		row := append([]string{visible(w.ID, idWidth)}, processCells(cmp.Or(w.Name, w.Process.Name), &w.Process)...)
		rows = append(rows, append(row, visible(string(w.State), kindWidth), fmt.Sprintf("%d/%d", w.Busy, w.Concurrency), oldest,
			digits(w.Counts["done"]), up(&w.Process, now), listText(slices.Sorted(maps.Keys(w.Queues)))))
	}
	return rows
}

func producerRows(producers []queue.ProducerInfo, now time.Time) [][]string {
	rows := [][]string{{"PRODUCER", "HOST", "PID", "VERSION", "ENQUEUED", "REJECTED", "LAST", "UP", "QUEUES"}}
	for i := range producers {
		q := &producers[i]
		var names []string
		var last time.Time
		for _, one := range q.Queues {
			names = append(names, one.Queue)
			if one.Last.After(last) {
				last = one.Last
			}
		}
		rows = append(rows, append(processCells(q.Name, &q.Process), digits(q.Enqueued), digits(q.Rejected), moment(last, now),
			up(&q.Process, now), listText(names)))
	}
	return rows
}

func schedulerRows(schedulers []queue.SchedulerInfo, now time.Time) [][]string {
	rows := [][]string{{"SCHEDULER", "HOST", "PID", "VERSION", "PROMOTED", "REAPED", "UP", "QUEUES"}}
	for i := range schedulers {
		s := &schedulers[i]
		rows = append(rows, append(processCells(s.Name, &s.Process), digits(s.Counts["promoted"]), digits(s.Counts["reaped"]),
			up(&s.Process, now), listText(s.Queues)))
	}
	return rows
}

// processCells are the first columns of whoever is alive. All of it comes from elsewhere.
func processCells(name string, of *queue.Process) []string {
	return []string{orDash(visible(name, kindWidth)), orDash(visible(of.Host, hostWidth)), strconv.Itoa(of.PID), orDash(visible(of.Version, hostWidth))}
}

func listText(names []string) string { return orDash(visible(strings.Join(names, ","), errorWidth)) }

func up(of *queue.Process, now time.Time) string { return short(max(0, now.Sub(of.Started))) }

func digits(n int64) string { return strconv.FormatInt(n, 10) }
