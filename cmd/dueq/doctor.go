package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

// tolerable is how far the clocks may be apart before it is worth a warning: only a due time that a
// program sets by its own clock is affected.
const tolerable = time.Second

func (c *cli) doctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the server, audit every queue, and repair", Args: takes(0, 0),
		Long: `Check the server as every start does: version, eviction policy, persistence, memory limit, replicas, and
whether the user may run each command that dueq needs; and how far its clock is from this machine's. Then
audit every queue, or those named: jobs in no place or in two, places and notes of jobs that do not exist,
leases without tokens, locks left behind, wrong counters, records that cannot be decoded, foreign keys.
It goes in small steps, beside running workers too. It changes nothing unless --repair is given, which mends
what is found and loses no job. Exit 1 where a promise cannot be kept, damage is left, or jobs moved too fast
to be judged.

A user with the rules of dueq acl for some roles is checked with --role for these: whether it may do what they
need, and no more than that. The audit is role operator's.`,
	}
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.Flags().BoolVar(&o.repair, "repair", false, "mend what is found")
	cmd.Flags().StringArrayVar(&o.queues, "queue", nil, "audit this queue only; repeatable")
	cmd.Flags().StringArrayVar(&o.roleNames, "role", nil, "check what this role needs: producer, worker, dashboard or operator; repeatable (default: all)")
	cmd.RunE = c.act(func(ctx context.Context, cfg *config, p *process, _ []string) (err error) {
		if o.roles, err = rolesOf(o.roleNames); err != nil {
			return err
		}
		if !o.audits() && (o.repair || len(o.queues) > 0) {
			return usagef("--repair and --queue are for the audit, which is --role operator's")
		}
		return runDoctor(ctx, cfg, p, &o)
	})
	return cmd
}

type doctorOptions struct {
	json, repair      bool
	queues, roleNames []string
	roles             []queue.Role
}

// audits says whether the roles have the rights for an audit.
func (o *doctorOptions) audits() bool {
	return len(o.roles) == 0 || slices.Contains(o.roles, queue.RoleOperator)
}

// lists says whether the roles have the right to list queues.
func (o *doctorOptions) lists() bool {
	return o.audits() || slices.Contains(queue.Commands(o.roles...), "smembers")
}

// diagnosis is what doctor found.
type diagnosis struct {
	Redis     string `json:"redis"`
	Namespace string `json:"namespace"`
	Version   string `json:"version"`
	Mode      string `json:"mode"`
	// Roles is what was checked for; empty: all.
	Roles    []queue.Role `json:"roles"`
	Fatal    []string     `json:"fatal"`
	Warnings []string     `json:"warnings"`
	// ClockAheadMS is null where Redis's clock could not be read, or is this process's own.
	ClockAheadMS *float64 `json:"clock_ahead_ms"`
	RoundTripMS  *float64 `json:"round_trip_ms"`
	// Queues is null where they could not be listed, as the roles may not or Redis did not answer.
	Queues *int `json:"queues"`
	// Audited is false where the roles may not audit. Names is what is wrong with the names of queues, Audits
	// what is wrong in each queue.
	Audited bool            `json:"audited"`
	Names   []queue.Finding `json:"names"`
	Audits  []auditView     `json:"audits"`
}

func runDoctor(ctx context.Context, cfg *config, p *process, o *doctorOptions) error {
	client, err := cfg.dial(ctx, cfg.redis, queue.Config{Roles: o.roles, AcceptDataLoss: true, Logger: quiet()})
	if err != nil {
		return err
	}
	defer client.Close()
	d, err := diagnose(ctx, cfg, client, p, o)
	if err != nil {
		return err
	}
	if o.json {
		err = writeJSON(p.out, d)
	} else {
		err = d.print(p, o.repair)
	}
	if err == nil && len(d.Fatal) > 0 {
		err = fmt.Errorf("%w: %s", queue.ErrUnfit, plural(len(d.Fatal), "fatal finding"))
	}
	return errors.Join(err, d.damage(o.repair))
}

func diagnose(ctx context.Context, cfg *config, client *queue.Client, p *process, o *doctorOptions) (*diagnosis, error) {
	report, err := client.Check(ctx)
	if err != nil {
		return nil, err
	}
	d := &diagnosis{
		Redis: maskURL(cfg.redis), Namespace: client.Namespace(), Version: report.Version, Mode: report.Mode,
		Roles: append([]queue.Role{}, o.roles...), Audited: o.audits(),
		Fatal: append([]string{}, report.Fatal...), Warnings: append([]string{}, report.Warnings...),
		Names: []queue.Finding{}, Audits: []auditView{},
	}
	if !client.Embedded() {
		d.readClock(ctx, cfg)
	}
	var names []string
	if o.lists() {
		if names, err = client.Broker().Queues(ctx); err != nil {
			d.Warnings = append(d.Warnings, "the queues cannot be listed: "+err.Error())
		} else {
			d.Queues = new(len(names))
		}
	}
	if d.Audited {
		d.audit(ctx, client, p, o, names)
	}
	return d, ctx.Err()
}

func (d *diagnosis) readClock(ctx context.Context, cfg *config) {
	seen, err := readClock(ctx, cfg.redis)
	if err != nil {
		d.Warnings = append(d.Warnings, err.Error())
		return
	}
	ahead, trip := milliseconds(seen.ahead), milliseconds(seen.trip)
	d.ClockAheadMS, d.RoundTripMS = &ahead, &trip
	if seen.ahead.Abs() > tolerable+seen.trip {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the clocks are %s apart: jobs with a due time set by this machine's clock run at that time by redis's; "+
			"use delays, or set the clocks by NTP", short(seen.ahead.Abs())))
	}
}

// milliseconds is a duration as a number with two places.
func milliseconds(d time.Duration) float64 {
	const places = 100
	return float64(d.Round(time.Millisecond/places)) / float64(time.Millisecond)
}

func (d *diagnosis) print(p *process, repaired bool) error {
	colours := paintFor(p.out)
	rows := [][]string{
		{"redis", d.Redis},
		{"server", d.Version + ", " + d.Mode},
		{"namespace", d.Namespace},
	}
	if d.Queues != nil {
		rows[len(rows)-1][1] += ", " + plural(*d.Queues, "queue")
	}
	if len(d.Roles) > 0 {
		rows = append(rows, []string{"roles", strings.Trim(fmt.Sprint(d.Roles), "[]")})
	}
	if d.ClockAheadMS != nil {
		rows = append(rows, []string{"clock", fmt.Sprintf("redis is %+.1f ms from this machine, give or take %.1f ms", *d.ClockAheadMS, *d.RoundTripMS/2)})
	}
	if err := table(p.out, rows); err != nil {
		return err
	}
	var b strings.Builder
	for _, text := range d.Fatal {
		fmt.Fprintf(&b, "%s      %s\n", colours.as(red, "fatal"), oneLine(text))
	}
	for _, text := range d.Warnings {
		fmt.Fprintf(&b, "%s    %s\n", colours.as(yellow, "warning"), oneLine(text))
	}
	if d.Audited {
		d.printAudits(&b, colours, repaired)
	} else {
		fmt.Fprintln(&b, "audit      not made: it is role operator's")
	}
	if len(d.Fatal)+len(d.Warnings) == 0 && d.damage(repaired) == nil {
		fmt.Fprintf(&b, "%s         no findings\n", colours.as(green, "ok"))
	}
	_, err := fmt.Fprint(p.out, b.String())
	return err
}
