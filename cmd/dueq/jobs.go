package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type jobsOptions struct {
	queue.Query
	state        string
	newest, json bool
}

const (
	defaultPage = 50
	idWidth     = 40
	kindWidth   = 30
	errorWidth  = 60
)

func (c *cli) jobs() *cobra.Command {
	var o jobsOptions
	cmd := &cobra.Command{
		Use: "jobs QUEUE", Short: "List the jobs of a queue", Args: takes(1, 1),
		Long: `List the jobs of a queue: delayed and retrying ones by due time, ready ones in the order in which they
will run, dead ones newest first; without --state all of them, in no order. With --kind or --tag one call
looks at --scan jobs at most and says where to go on.

--newest lists those that were enqueued last, of all states. It looks at 2,000 jobs at most: of a larger queue those
that came last in each state, so that one that was delayed may be missing.`,
	}
	cmd.Flags().StringVar(&o.state, "state", "", "delayed, ready, leased, retrying, dead or done (default: all)")
	cmd.Flags().StringVar(&o.Kind, "kind", "", "only jobs of this kind")
	cmd.Flags().StringVar(&o.Tag, "tag", "", "only jobs with this tag")
	cmd.Flags().IntVar(&o.Limit, "limit", defaultPage, "how many jobs to list at most, up to 500")
	cmd.Flags().IntVar(&o.Scan, "scan", maxScan, "with --kind or --tag: how many jobs to look at, up to 10000")
	cmd.Flags().StringVar(&o.Cursor, "cursor", "", "go on where the page before ended")
	cmd.Flags().BoolVar(&o.newest, "newest", false, "the jobs that were enqueued last, the newest first")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	for _, other := range []string{"state", "kind", "tag", "scan", "cursor"} {
		cmd.MarkFlagsMutuallyExclusive("newest", other)
	}
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *jobsOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.newest {
		return o.runNewest(ctx, p, client.Inspector(), args[0])
	}
	o.State = queue.State(o.state)
	page, err := client.Inspector().Jobs(ctx, args[0], o.Query)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(p.out, map[string]any{"jobs": viewsOf(page.Jobs), "scanned": page.Scanned, "cursor": page.Cursor})
	}
	if err := printJobs(p, page.Jobs, false); err != nil {
		return err
	}
	if page.Cursor != "" {
		_, err = fmt.Fprintf(p.errOut, "looked at %s; go on with --cursor %s\n", plural(page.Scanned, "job"), page.Cursor)
	}
	return err
}

// runNewest lists the jobs that were enqueued last.
func (o *jobsOptions) runNewest(ctx context.Context, p *process, in *queue.Inspector, name string) error {
	recent, err := in.Recent(ctx, name, o.Limit)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(p.out, map[string]any{
			"jobs": viewsOf(recent.Jobs), "scanned": recent.Scanned, "total": recent.Total, "cut": recent.Cut,
		})
	}
	if err := printJobs(p, recent.Jobs, true); err != nil {
		return err
	}
	if recent.Cut {
		_, err = fmt.Fprintf(p.errOut, "looked at %s of %d; one that was delayed may be missing\n", plural(recent.Scanned, "job"), recent.Total)
	}
	return err
}

func viewsOf(jobs []queue.JobInfo) []*jobView {
	views := make([]*jobView, len(jobs))
	for i := range jobs {
		views[i] = viewOf(&jobs[i], false)
	}
	return views
}

// printJobs prints a table, with when the jobs were enqueued where it is in the order of that.
func printJobs(p *process, jobs []queue.JobInfo, newest bool) error {
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(p.errOut, "no such jobs")
		return err
	}
	now := time.Now()
	rows := [][]string{{"ID", "KIND", "STATE", "WHEN", "FAILURES", "BYTES", "TAGS", "LAST ERROR"}}
	for i := range jobs {
		j := &jobs[i]
		rows = append(rows, []string{
			visible(j.ID, idWidth), orDash(visible(j.Kind, kindWidth)), string(j.State), atText(j, now),
			strconv.Itoa(j.Failures), strconv.Itoa(len(j.Payload)),
			orDash(visible(strings.Join(j.Tags, ","), kindWidth)), orDash(lastError(j)),
		})
	}
	if newest {
		const behind = 3
		rows[0] = slices.Insert(rows[0], behind, "ENQUEUED")
		for i := range jobs {
			rows[i+1] = slices.Insert(rows[i+1], behind, moment(jobs[i].Created, now))
		}
	}
	return table(p.out, rows)
}

// lastError is the first line of the newest error, or why the job is dead.
func lastError(j *queue.JobInfo) string {
	switch {
	case j.Err != nil:
		return j.Err.Error()
	case len(j.Errors) > 0:
		first, _, _ := strings.Cut(j.Errors[0].Error, "\n")
		return visible(first, errorWidth)
	default:
		return string(j.Reason)
	}
}
