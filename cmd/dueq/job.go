package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

type jobOptions struct{ payload, json bool }

// payloadShown is how much of a payload the text form has.
const payloadShown = 4 << 10

func (c *cli) job() *cobra.Command {
	var o jobOptions
	cmd := &cobra.Command{Use: "job QUEUE ID", Short: "Show one job whole: times, payload, errors", Args: cobra.MatchAll(takes(2, 2), notTogether("payload", "json"))}
	cmd.Flags().BoolVar(&o.payload, "payload", false, "print the bytes of the payload and nothing else")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *jobOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	client, err := cfg.look(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	j, err := client.Inspector().Job(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	switch {
	case o.payload:
		_, err = p.out.Write(j.Payload)
		return err
	case o.json:
		return writeJSON(p.out, viewOf(&j, true))
	default:
		return printJob(p.out, &j, time.Now())
	}
}

func printJob(w io.Writer, j *queue.JobInfo, now time.Time) error {
	if err := table(w, jobRows(j, now)); err != nil {
		return err
	}
	var b strings.Builder
	for i, e := range j.Timeline() {
		if i == 0 {
			b.WriteString("\ntimeline\n")
		}
		fmt.Fprintf(&b, "  %s  %s%s\n", stamp(e.At), eventText(e), moment(e.At, now))
	}
	for i, failure := range j.Errors {
		if i == 0 {
			b.WriteString("\nerrors, newest first\n")
		}
		fmt.Fprintf(&b, "  attempt %d, %s: %s\n", failure.Attempt, moment(failure.At, now),
			strings.ReplaceAll(visibleLines(failure.Error, payloadShown), "\n", "\n    "))
	}
	if len(j.Payload) > 0 {
		fmt.Fprintf(&b, "\npayload, %s\n%s\n", plural(len(j.Payload), "byte"), visibleLines(string(j.Payload), payloadShown))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func eventText(e queue.Event) string {
	if e.Attempt == 0 {
		return fmt.Sprintf("%-21s", e.What)
	}
	return fmt.Sprintf("%-9s attempt %-3d", e.What, e.Attempt)
}

// jobRows are the lines of the text form that have something to say.
func jobRows(j *queue.JobInfo, now time.Time) [][]string {
	state := string(j.State) + ", " + atText(j, now)
	if j.Reason != "" {
		state += ", " + string(j.Reason)
	}
	if j.Cancelled {
		state += ", cancelled while it runs"
	}
	rows := [][]string{{"id", j.ID}, {"queue", j.Queue}, {"kind", visible(j.Kind, payloadShown)}, {"state", state}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, visible(value, payloadShown)})
		}
	}
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, stamp(t)+", "+moment(t, now))
		}
	}
	when("created", j.Created)
	when("due", j.Due)
	when("expires", j.Expires)
	if j.Failures+j.LostLeases > 0 {
		add("failures", fmt.Sprintf("%d, and %d lost leases", j.Failures, j.LostLeases))
	}
	if j.MaxAttempts > 0 {
		add("attempts", "at most "+strconv.Itoa(j.MaxAttempts))
	}
	if j.Priority != queue.Normal {
		add("priority", j.Priority.String())
	}
	if j.Token != 0 {
		add("token", strconv.FormatInt(j.Token, 10))
	}
	add("unique", j.Unique.Key)
	var waits []string
	for _, wait := range j.Backoff {
		waits = append(waits, short(wait))
	}
	add("backoff", strings.Join(waits, ", "))
	add("tags", strings.Join(j.Tags, ", "))
	for _, name := range slices.Sorted(maps.Keys(j.Headers)) {
		add("header", name+": "+j.Headers[name])
	}
	if j.Err != nil {
		add("damage", j.Err.Error())
	}
	return rows
}
