package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

const benchAbout = `Put a quick load on a Redis server and say what it took: jobs enqueued by so many callers, jobs processed by
a worker whose handler does nothing, and both at once. p50 and p99 are of one enqueue call, and for both
at once of the time from the call until the handler starts. All is in a namespace of its own, which is
removed at the end. The figures are this machine's with this server: other work on either shows in them.`

type benchOptions struct {
	jobs, payload, concurrency int
	json                       bool
}

const (
	defaultBenchJobs = 20_000
	defaultPayload   = 1 << 10
	defaultCallers   = 64
	maxBenchJobs     = 1_000_000
	maxBenchBytes    = 2 << 30
	maxCallers       = 4096
)

func (c *cli) bench() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{Use: "bench", Short: "Measure a server: enqueue, process, both at once", Long: benchAbout, Args: takes(0, 0)}
	cmd.Flags().IntVar(&o.jobs, "jobs", defaultBenchJobs, "how many jobs for each figure")
	cmd.Flags().IntVar(&o.payload, "payload", defaultPayload, "bytes of payload")
	cmd.Flags().IntVar(&o.concurrency, "concurrency", defaultCallers, "how many callers, and handlers at once")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *benchOptions) check() error {
	switch {
	case o.jobs < 1 || o.jobs > maxBenchJobs:
		return usagef("--jobs %d: want 1 to %d", o.jobs, maxBenchJobs)
	case o.payload < 0 || o.payload > maxBenchBytes/o.jobs:
		return usagef("--payload %d: want 0 or more, and %d jobs of it at most %d bytes together", o.payload, o.jobs, maxBenchBytes)
	case o.concurrency < 1 || o.concurrency > maxCallers:
		return usagef("--concurrency %d: want 1 to %d", o.concurrency, maxCallers)
	}
	return nil
}

// benchResult is one line of the result. A percentile is null where it says nothing.
type benchResult struct {
	Scenario   string   `json:"scenario"`
	Jobs       int      `json:"jobs"`
	JobsPerSec float64  `json:"jobs_per_sec"`
	P50MS      *float64 `json:"p50_ms"`
	P99MS      *float64 `json:"p99_ms"`
}

func (o *benchOptions) run(ctx context.Context, cfg *config, p *process, _ []string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if cfg.redis == memoryURL {
		p.note("dueq: memory:// is a Redis within this process: nothing is kept, and the figures say nothing of a server")
	}
	namespace := cfg.namespace + "-bench-" + shortName()
	client, err := cfg.dial(ctx, cfg.redis, queue.Config{Namespace: namespace, AcceptDataLoss: cfg.acceptDataLoss, Logger: quiet()})
	if err != nil {
		return err
	}
	defer client.Close()
	if !client.Embedded() {
		defer func() {
			if failed := wipe(ctx, cfg.redis, namespace); failed != nil {
				err = errors.Join(err, fmt.Errorf("the keys of %s are still there: %w", namespace, failed))
			}
		}()
	}
	b := &benchmark{benchOptions: o, client: client, progress: newProgress(p.errOut)}
	results, err := b.all(ctx)
	b.progress.done()
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(p.out, results)
	}
	return printBench(p, o, results)
}

func printBench(p *process, o *benchOptions, results []benchResult) error {
	if _, err := fmt.Fprintf(p.out, "%d jobs of %d bytes, %d callers, %d handlers at once\n",
		o.jobs, o.payload, o.concurrency, o.concurrency); err != nil {
		return err
	}
	text := func(ms *float64) string {
		if ms == nil {
			return "-"
		}
		return strconv.FormatFloat(*ms, 'f', 2, 64) + " ms"
	}
	rows := [][]string{{"SCENARIO", "JOBS/S", "P50", "P99"}}
	for _, r := range results {
		rows = append(rows, []string{r.Scenario, strconv.FormatFloat(r.JobsPerSec, 'f', 0, 64), text(r.P50MS), text(r.P99MS)})
	}
	return table(p.out, rows)
}

// percentiles are null without samples.
func percentiles(samples []time.Duration) (p50, p99 *float64) {
	if len(samples) == 0 {
		return nil, nil
	}
	at := quantiles(samples, median, ninetyNinth)
	low, high := milliseconds(at[0]), milliseconds(at[1])
	return &low, &high
}
