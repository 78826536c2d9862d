package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dueq-io/dueq/queue"
)

const enqueueAbout = `Hand jobs in. With arguments it is one job: PAYLOAD is the text itself, - for standard input, or @FILE.

With --stdin it is one JSON object for each line of standard input, with queue, kind and, where wanted,
payload (a string, or any other JSON value as it is written) or payload_base64, id, replace, delay, due,
priority, unique, unique_for, unique_until, expires, on_expiry, max_attempts, backoff, retain, tags and
headers. A line that cannot be enqueued is reported with its number and does not stop the rest, unless
--strict is given; in the end it is exit 1 if any failed. Lines that bring their own id can be repeated.

The IDs are printed, one on a line.`

// enqueueOptions are the flags of enqueue.
type enqueueOptions struct {
	spec
	stdin, strict, json bool
	headers             []string
}

func (c *cli) enqueue() *cobra.Command {
	var o enqueueOptions
	cmd := &cobra.Command{
		Use: "enqueue {QUEUE KIND [PAYLOAD | - | @FILE] | --stdin}", Short: "Hand a job in, or many from standard input", Long: enqueueAbout,
		Example: "  dueq enqueue sms sms.send '{\"to\":\"+15550100\"}' --delay 2h\n  dueq enqueue --stdin < jobs.ndjson",
		Args: func(cmd *cobra.Command, args []string) error {
			if !o.stdin {
				return cobra.MatchAll(takes(2, 3), notTogether("delay", "due"), notTogether("unique-for", "unique-until"))(cmd, args)
			}
			if given := givenOf(cmd, jobFlags); len(given) > 0 || len(args) > 0 {
				return usagef("with --stdin each line says all about its job: leave out %s", strings.Join(append(args, given...), ", "))
			}
			return nil
		},
	}
	o.flags(cmd.Flags())
	cmd.RunE = c.act(o.run)
	return cmd
}

// jobFlags say something about one job.
var jobFlags = []string{
	"delay", "due", "id", "replace", "priority", "unique", "unique-for", "unique-until", "expires",
	"on-expiry", "max-attempts", "backoff", "retain", "tag", "header",
}

func (o *enqueueOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.Delay, "delay", "", "run this long from now, such as 2h")
	f.StringVar(&o.Due, "due", "", "run at this time, such as 2026-01-31T15:04:05Z")
	f.StringVar(&o.ID, "id", "", "the job's ID, which makes repeating the command safe (default: a new one)")
	f.BoolVar(&o.Replace, "replace", false, "take the place of a job of that ID that waits or has ended")
	f.StringVar(&o.Priority, "priority", "", "high, normal or low")
	f.StringVar(&o.Unique, "unique", "", "a key that no other job of the queue may hold")
	f.StringVar(&o.UniqueFor, "unique-for", "", "hold the key this long, whatever becomes of the job")
	f.StringVar(&o.UniqueUntil, "unique-until", "", "hold the key until the job is done (default) or started")
	f.StringVar(&o.Expires, "expires", "", "do not start after this time, or this long from now")
	f.StringVar(&o.OnExpiry, "on-expiry", "", "what then: bury (default), drop or run")
	f.IntVar(&o.MaxAttempts, "max-attempts", 0, "failures until the job is dead (default: the worker's)")
	f.StringSliceVar(&o.Backoff, "backoff", nil, "waits before each retry, such as 2m,10m,1h; the last repeats")
	f.StringVar(&o.Retain, "retain", "", "keep the job this long when it is done")
	f.StringArrayVar(&o.Tags, "tag", nil, "a tag to find the job by; repeatable")
	f.StringArrayVar(&o.headers, "header", nil, "a header that travels with the job, as name=value; repeatable")
	f.BoolVar(&o.stdin, "stdin", false, "read jobs from standard input, one JSON object on a line")
	f.BoolVar(&o.strict, "strict", false, "with --stdin: stop at the first line that fails")
	f.BoolVar(&o.json, "json", false, jsonUsage)
}

func (o *enqueueOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	if o.stdin {
		return o.stream(ctx, cfg, p)
	}
	o.Queue, o.Kind = args[0], args[1]
	if err := o.readHeaders(); err != nil {
		return err
	}
	payload, err := readPayload(p.in, args[2:], cfg.maxPayload)
	if err != nil {
		return err
	}
	job, err := o.job(payload)
	if err != nil {
		return usagef("%s", oneLine(err.Error()))
	}
	client, err := cfg.produce(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := client.Enqueue(ctx, job)
	if err != nil {
		return enqueueError(id, err)
	}
	if o.json {
		return writeJSON(p.out, map[string]string{"queue": job.Queue, "id": id})
	}
	_, err = fmt.Fprintln(p.out, id)
	return err
}

// enqueueError names the ID of a job that is in the queue all the same, or may be.
func enqueueError(id string, err error) error {
	if id == "" {
		return err
	}
	return fmt.Errorf("%w; repeating it with --id %s is safe", err, id)
}

func (o *enqueueOptions) readHeaders() error {
	for _, header := range o.headers {
		name, value, found := strings.Cut(header, "=")
		if !found {
			return usagef("--header %q: want name=value", header)
		}
		if o.Headers == nil {
			o.Headers = map[string]string{}
		}
		o.Headers[name] = value
	}
	return nil
}

// readPayload reads what PAYLOAD stands for, and no more of it than could be enqueued.
func readPayload(in io.Reader, args []string, limit int) ([]byte, error) {
	if len(args) == 0 {
		return nil, nil
	}
	name, isFile := strings.CutPrefix(args[0], "@")
	switch {
	case args[0] == "-":
	case isFile:
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read the payload: %w", err)
		}
		defer file.Close()
		in = file
	default:
		return []byte(args[0]), nil
	}
	out, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	if len(out) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes (max_payload)", queue.ErrTooLarge, limit)
	}
	return out, nil
}

// stops says that what comes after would fail in the same way.
func stops(err error) bool {
	return errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknown) || errors.Is(err, queue.ErrRedisFull) ||
		errors.Is(err, context.Canceled)
}
