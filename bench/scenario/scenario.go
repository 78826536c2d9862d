// Package scenario holds what is measured, and runs it: system beside system on one server, in rounds.
package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dueq-io/dueq/bench/redisproc"
	"github.com/dueq-io/dueq/bench/system"
)

// The raw moves of package floor stand beside the systems under these names.
const (
	// Floor has as many jobs in flight as the systems have callers and handlers.
	Floor = "floor"
	// FloorDeep has as many in flight as this machine is fastest with.
	FloorDeep = "floor_deep"
)

// queueName is the one queue that most scenarios use.
const queueName = "bench"

// concurrency is the number of handlers, and of producers where nothing else is said.
const concurrency = 64

// Scenario is one thing to measure.
type Scenario struct {
	Name    string
	Systems []string
	// Rounds caps the rounds where one takes long or differs little from the next; zero is no cap.
	Rounds      int
	Persistence redisproc.Persistence
	// FastPolling opens asynq with short polls, for where its default ones would idle away the time measured.
	FastPolling bool

	measure func(ctx context.Context, e *Env) ([]Metric, error)
}

// Env is what one measurement runs in.
type Env struct {
	Server *redisproc.Server
	System string
	Quick  bool

	fastPolling bool
}

// Metric is one figure of one round.
type Metric struct {
	Name  string
	Value float64
	Unit  string

	// worst takes the highest of the rounds: a median would hide the one round in which it went wrong.
	worst bool
}

// open connects the system under measurement.
func (e *Env) open(ctx context.Context) (system.System, error) {
	name := e.System
	if name == system.Asynq && e.fastPolling {
		name = system.AsynqFast
	}
	return system.Open(ctx, name, e.Server.Addr)
}

// size picks how many jobs to move: about a second's worth for each system, so that rounds stay short.
func (e *Env) size(swift, slow int) int {
	n := swift
	if e.System == system.Asynq || e.System == system.AsynqFast {
		n = slow
	}
	if e.Quick {
		n = max(n/20, min(n, 1000))
	}
	return n
}

// isFloor reports whether the raw moves are to be measured, not a system.
func (e *Env) isFloor() bool { return e.System == Floor || e.System == FloorDeep }

// All is every scenario, in the order in which they run.
func All() []Scenario {
	peers := []string{system.Dueq, system.Asynq}
	floored := append(slices.Clone(peers), Floor, FloorDeep)
	polling := append(slices.Clone(peers), system.AsynqFast)
	return []Scenario{
		{Name: "enqueue_1", Systems: peers, measure: enqueueBy(1)},
		{Name: "enqueue_10", Systems: peers, measure: enqueueBy(10)},
		{Name: "enqueue_64", Systems: floored, measure: enqueueBy(64)},
		{Name: "enqueue_512", Systems: peers, measure: enqueueBy(512)},
		{Name: "enqueue_bulk", Systems: []string{system.Dueq}, measure: enqueueBulk},
		{Name: "process", Systems: floored, FastPolling: true, measure: process},
		{Name: "both", Systems: floored, FastPolling: true, measure: both("both", 100_000, 20_000)},
		{
			Name: "both_fsync_always", Systems: floored, FastPolling: true, Persistence: redisproc.FsyncAlways,
			measure: both("both_fsync_always", 40_000, 5_000),
		},
		{Name: "lateness", Systems: polling, Rounds: 1, measure: lateness},
		{Name: "pickup", Systems: polling, Rounds: 1, measure: pickup},
		{Name: "burst", Systems: peers, Rounds: 3, FastPolling: true, measure: burst},
		{Name: "memory", Systems: peers, Rounds: 1, measure: memory},
		{Name: "idle", Systems: polling, Rounds: 1, measure: idle},
	}
}

// Select finds scenarios by name; no names are all of them.
func Select(names []string) ([]Scenario, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q; there are %s", name, strings.Join(Names(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// Names lists all scenarios.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}
