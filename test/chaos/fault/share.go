package fault

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// Share says beside what a row may run.
type Share int

const (
	// SmallShared runs beside other rows while it is small, and alone at full size. The default.
	SmallShared Share = iota
	// Quiet runs beside other rows at any size: it waits for leases and timers more than it works.
	Quiet
	// Alone has the machine to itself at any size: it measures short times, or fills the machine.
	Alone
	// InParts holds no place itself: its parts are rows, each of which waits for a place of its own.
	InParts
)

// Alone says whether a row of this share runs alone at a size.
func (s Share) Alone(full bool) bool { return s == Alone || full && s == SmallShared }

// Places are how many rows may run at once.
type Places struct {
	all  int64
	free *semaphore.Weighted
}

// NewPlaces returns n places, at least 1.
func NewPlaces(n int) *Places {
	return &Places{all: int64(n), free: semaphore.NewWeighted(int64(n))}
}

// Take waits until a row may run, or for the end of ctx. Rows get their places in the order in which they
// ask; leave gives a place back.
func (p *Places) Take(ctx context.Context, share Share, full bool) (leave func(), err error) {
	n := int64(1)
	if share.Alone(full) {
		n = p.all
	}
	if err := p.free.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	if share == InParts {
		p.free.Release(n)
		n = 0
	}
	return func() { p.free.Release(n) }, nil
}
