// Package fault is the fault matrix: one file a row, each of which breaks one thing under load and
// holds what happened against its bar.
package fault

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Row is one fault.
type Row struct {
	Name  string
	Bar   string // what must hold, in the words of the final table
	Share Share  // beside what it may run
	Break func(ctx context.Context, r *Run) error
}

// All are all rows and, last, the mutants, which run some of them again.
func All() []Row { return append(Rows(), mutants) }

// Rows are all rows of faults, in the order in which they run. Each stands in a file of its own.
func Rows() []Row {
	return append([]Row{
		workerKill, redisKill, workerStop, redisStop, redisAbsent, replicaPromoted, crowd, rolling, scriptFlush,
		poison, burst, atRest, redisDown, reconnectHerd, redisBlip, clockSkew, clockJump, hugePayloads, tenMillion,
	}, nodeRows()...)
}

// Run is one row under way. What it draws comes from Rand alone, so a seed repeats it.
type Run struct {
	Full bool
	Rand *rand.Rand
	Out  io.Writer
	// Places are for the parts of a row, where more rows than one may run at once.
	Places *Places
	// Binary is what to run as workers and producers in place of this program: a mutant. Default: none.
	Binary string

	began             time.Time
	figures, failures []string
	late              []string // what Timely found
	empty             []string // why the run shows nothing
	broken            bool     // the harness itself failed
}

// Size is how much a row does: little for a smoke run, all of it for a full one.
func (r *Run) Size(smoke, full int) int {
	if r.Full {
		return full
	}
	return smoke
}

// Say prints progress, and when it was made.
func (r *Run) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Out, "  %.1fs %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// Figure adds a figure to the final table.
func (r *Run) Figure(format string, args ...any) {
	r.figures = append(r.figures, fmt.Sprintf(format, args...))
}

// Require fails the row where ok is false, and says why.
func (r *Run) Require(ok bool, format string, args ...any) {
	if !ok {
		r.failures = append(r.failures, fmt.Sprintf(format, args...))
	}
}

// Timely is Require for a bar of time, and for what a live worker that gets no time may bring about, such as
// a job that runs twice: a machine that is busy with something else may be why.
func (r *Run) Timely(ok bool, format string, args ...any) {
	if !ok {
		r.late = append(r.late, fmt.Sprintf(format, args...))
	}
}

// Show fails the row where ok is false, since the fault then met nothing that it could have broken. It
// is no finding: a mutant is not red by it.
func (r *Run) Show(ok bool, format string, args ...any) {
	if !ok {
		r.empty = append(r.empty, fmt.Sprintf(format, args...)+": the run shows nothing")
	}
}

// Between draws a time from low to high.
func (r *Run) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Rand.Int64N(int64(high-low)+1))
}

// Result is one line of the final table.
type Result struct {
	Row     string        `json:"row"`
	Bar     string        `json:"bar"`
	Figure  string        `json:"figure"`
	Pass    bool          `json:"pass"`
	Failure string        `json:"failure,omitempty"`
	Seed    uint64        `json:"seed"`
	Took    time.Duration `json:"took_ns"`
	// Chance says that a busy machine may be all that the row fell short by.
	Chance bool `json:"-"`
	// First is why it fell short before it was run again.
	First string `json:"first_failure,omitempty"`
}

// Do runs the row. An error of the harness itself fails it too.
func (row Row) Do(ctx context.Context, r *Run, seed uint64) Result {
	r.Rand = rand.New(rand.NewPCG(seed, 0)) // a run is to be repeated, not to be secret
	r.began = time.Now()
	err := row.Break(ctx, r)
	if err != nil {
		r.failures, r.broken = append(r.failures, err.Error()), true
	}
	short := slices.Concat(r.failures, r.late, r.empty)
	return Result{
		Row: row.Name, Bar: row.Bar, Figure: strings.Join(r.figures, ", "), Pass: len(short) == 0,
		Failure: strings.Join(short, "; "), Seed: seed, Took: time.Since(r.began),
		Chance: len(r.failures) == 0,
	}
}

// wait waits for d, or says why it did not.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
