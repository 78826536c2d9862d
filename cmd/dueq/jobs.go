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

type jobsOptions struct {
	queue.Query
	state string
	json  bool
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
looks at --scan jobs at most and says where to go on.`,
	}
	cmd.Flags().StringVar(&o.state, "state", "", "delayed, ready, leased, retrying, dead or done (default: all)")
	cmd.Flags().StringVar(&o.Kind, "kind", "", "only jobs of this kind")
	cmd.Flags().StringVar(&o.Tag, "tag", "", "only jobs with this tag")
	cmd.Flags().IntVar(&o.Limit, "limit", defaultPage, "how many jobs to list at most, up to 500")
	cmd.Flags().IntVar(&o.Scan, "scan", maxScan, "with --kind or --tag: how many jobs to look at, up to 10000")
	cmd.Flags().StringVar(&o.Cursor, "cursor", "", "go on where the page before ended")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *jobsOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	o.State = queue.State(o.state)
	page, err := client.Inspector().Jobs(ctx, args[0], o.Query)
	if err != nil {
		return err
	}
	if o.json {
		views := make([]*jobView, len(page.Jobs))
		for i := range page.Jobs {
			views[i] = viewOf(&page.Jobs[i], false)
		}
		return writeJSON(p.out, map[string]any{"jobs": views, "scanned": page.Scanned, "cursor": page.Cursor})
	}
	if err := printJobs(p, page.Jobs); err != nil {
		return err
	}
	if page.Cursor != "" {
		_, err = fmt.Fprintf(p.errOut, "looked at %s; go on with --cursor %s\n", plural(page.Scanned, "job"), page.Cursor)
	}
	return err
}

func printJobs(p *process, jobs []queue.JobInfo) error {
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
