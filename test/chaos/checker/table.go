package checker

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Table prints the report, and of the findings those that there are.
func (r *Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "  jobs\t%d confirmed, %d unknown, %d refused, %d started, %d acked, %d dead, %d left\n",
		r.Enqueued, r.Unknown, r.Failed, r.Started, r.Acked, r.Dead, r.Left)
	for _, finding := range []struct {
		name string
		jobs []uint32
	}{
		{"lost", r.Lost},
		{"acked, not run", r.Unrun},
		{"phantom", r.Phantom},
		{"resurrected", r.Resurrected},
		{"fencing", r.Fencing},
		{"overlap", r.Overlap},
		{"early", r.Early},
		{"payload changed", r.Changed},
		{"in two places", r.Unconserved},
	} {
		if len(finding.jobs) > 0 {
			_, _ = fmt.Fprintf(t, "  %s\t%d %v\n", finding.name, len(finding.jobs), finding.jobs[:min(5, len(finding.jobs))])
		}
	}
	if !r.Bad() {
		_, _ = fmt.Fprintln(t, "  findings\tnone")
	}
	_, _ = fmt.Fprintf(t, "  orphans\t%d\n  recovered\t%d, %d calls of enqueue repeated, %d later attempts\n  late acks\t%d, refused as workers saw %d\n",
		r.Orphans, r.Recovered, r.Retried, r.Charged, r.LateAcks, r.AckRefused)
	_, _ = fmt.Fprintf(t, "  duplicates\t%d of %d running at a fault\n", r.DuplicateCount(), r.Running)
	for _, cause := range slices.Sorted(maps.Keys(r.Duplicates)) {
		_, _ = fmt.Fprintf(t, "    %s\t%d\n", cause, r.Duplicates[cause])
	}
	_, _ = fmt.Fprintf(t, "  recovery\t%d runs, p50 %v, p99 %v, max %v\n", len(r.Recovery),
		round(Quantile(r.Recovery, 0.5)), round(Quantile(r.Recovery, 0.99)), round(Quantile(r.Recovery, 1)))
	return t.Flush()
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
