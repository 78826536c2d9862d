package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

var (
	// errDamage is returned when an audit found something and did not mend it.
	errDamage = errors.New("damage is found and not mended")
	// errUnsettled is returned when an audit could not judge all that looked out of order.
	errUnsettled = errors.New("jobs moved too fast to be judged")
)

// auditView is the audit of one queue.
type auditView struct {
	queue.AuditReport
	TookMS float64 `json:"took_ms"`
	// Error is why the audit did not come to its end.
	Error string `json:"error,omitempty"`
}

// audit looks at the queues that are named, or at all and at their names too.
func (d *diagnosis) audit(ctx context.Context, client *queue.Client, p *process, o *doctorOptions, known []string) {
	line := newProgress(p.errOut)
	defer line.done()
	names := o.queues
	if len(names) == 0 {
		line.show("comparing keys and names of queues")
		found, err := client.Inspector().AuditNames(ctx, o.repair)
		if err != nil {
			d.Fatal = append(d.Fatal, "the names of the queues cannot be audited: "+err.Error())
		}
		d.Names = append(d.Names, found...)
		names = slices.Clone(known)
		for _, finding := range found {
			if finding.Kind == queue.NoName {
				names = append(names, finding.ID)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	for _, name := range names {
		began := time.Now()
		report, err := client.Inspector().Audit(ctx, name, queue.AuditConfig{
			Repair:   o.repair,
			Progress: func(done, all int64) { line.show("%s: %d of %d jobs", name, done, all) },
		})
		view := auditView{AuditReport: report, TookMS: milliseconds(time.Since(began))}
		if err != nil {
			view.Error = err.Error()
		}
		d.Audits = append(d.Audits, view)
		if ctx.Err() != nil {
			return
		}
	}
}

// damage is nil where nothing is left that ought to be mended, or could be.
func (d *diagnosis) damage(repaired bool) error {
	found, broken, unsettled := 0, 0, 0
	if !repaired {
		found = len(d.Names)
	}
	for i := range d.Audits {
		if d.Audits[i].Error != "" {
			broken++
		}
		unsettled += d.Audits[i].Unsettled
		if !d.Audits[i].Mended {
			found += d.Audits[i].Total()
		}
	}
	var errs []error
	if broken > 0 {
		errs = append(errs, fmt.Errorf("%s could not be audited to the end", plural(broken, "queue")))
	}
	if unsettled > 0 {
		errs = append(errs, fmt.Errorf("%w: %s; audit again when the queues are less busy", errUnsettled, plural(unsettled, "job")))
	}
	switch {
	case found > 0 && repaired:
		errs = append(errs, fmt.Errorf("%w: %s; run it again", errDamage, plural(found, "finding")))
	case found > 0:
		errs = append(errs, fmt.Errorf("%w: %s; dueq doctor --repair mends it, also beside running workers", errDamage, plural(found, "finding")))
	}
	return errors.Join(errs...)
}

// shownFindings is how many findings of a queue are printed; --json has more.
const shownFindings = 20

func (d *diagnosis) printAudits(b *strings.Builder, colours paint, repaired bool) {
	word := colours.as(red, "found")
	if repaired {
		word = colours.as(yellow, "mended")
	}
	for _, f := range d.Names {
		fmt.Fprintf(b, "%s  queue %s: %s, %s\n", word, visible(f.ID, maxErrorText), f.Kind, f.Detail)
	}
	for i := range d.Audits {
		a := &d.Audits[i]
		state := colours.as(green, "in order")
		if a.Total() > 0 {
			state = fmt.Sprintf("%s %s", plural(a.Total(), "finding"), word)
		}
		took := time.Duration(a.TookMS * float64(time.Millisecond))
		fmt.Fprintf(b, "audit  queue %s: %s in %s, %s\n", a.Queue, plural(int(a.Jobs), "job"), short(took), state)
		for n, f := range a.Findings {
			if n == shownFindings {
				fmt.Fprintf(b, "  … and %d more\n", a.Total()-n)
				break
			}
			fmt.Fprintf(b, "  %s  %s %s: %s\n", word, f.Kind, visible(f.ID, maxErrorText), visible(f.Detail, maxErrorText))
		}
		if a.Unsettled > 0 {
			fmt.Fprintf(b, "  %s moved too fast to be judged; audit again when the queue is less busy\n", plural(a.Unsettled, "job"))
		}
		if a.Error != "" {
			fmt.Fprintf(b, "  %s  %s\n", colours.as(red, "failed"), oneLine(a.Error))
		}
	}
}
