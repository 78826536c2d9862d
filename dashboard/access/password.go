package access

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"
)

const (
	// hashesAtOnce bounds what logins take of memory and CPU, and hashesWaiting how many wait for that.
	hashesAtOnce  = 2
	hashesWaiting = 32
	// hashPatience is how long one waits.
	hashPatience = 5 * time.Second

	// An address, and a user, may fail so often at once, and then every so often.
	addressBurst, addressEvery = 20, 3 * time.Second
	userBurst, userEvery       = 10, 6 * time.Second
)

var (
	// ErrRefused is returned when name and password do not go together, whichever of them is wrong.
	ErrRefused = errors.New("wrong name or password")
	// ErrBusy is returned when more people sign in at once than are served.
	ErrBusy = errors.New("too many are signing in just now")
)

// ThrottledError is returned when an address or a user has failed too often.
type ThrottledError struct {
	// Wait is when another attempt is taken.
	Wait time.Duration
}

// Error says how long to wait.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts: wait for %v", e.Wait.Round(time.Second))
}

// passwords checks names and passwords.
type passwords struct {
	hashes map[string]*hash
	// decoys are the hashes of all users. Who does not exist is checked against one of them, so that it
	// takes as long as for one who does.
	decoys []*hash
	seed   maphash.Seed
	// verify is what takes the time and the memory.
	verify func(h *hash, password string) bool

	byAddress, byUser *throttle
	// places has an entry for each hash that is computed, queue for each that waits or is computed.
	places, queue chan struct{}
}

// newPasswords takes users that are valid.
func newPasswords(users []User) (*passwords, error) {
	p := &passwords{
		hashes: map[string]*hash{}, seed: maphash.MakeSeed(), verify: (*hash).matches,
		byAddress: newThrottle(addressBurst, addressEvery), byUser: newThrottle(userBurst, userEvery),
		places: make(chan struct{}, hashesAtOnce), queue: make(chan struct{}, hashesAtOnce+hashesWaiting),
	}
	for i := range users {
		if users[i].Hash == "" {
			continue
		}
		h, err := parseHash(users[i].Hash)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", users[i].Name, err)
		}
		p.hashes[users[i].Name] = h
		p.decoys = append(p.decoys, h)
	}
	return p, nil
}

// check returns nil when the password is the user's. It returns ErrRefused, ErrBusy or a ThrottledError.
func (p *passwords) check(ctx context.Context, name, password, address string) error {
	if len(p.decoys) == 0 || len(name) > maxName || len(password) > MaxPassword {
		return ErrRefused
	}
	now := time.Now()
	wait := p.byAddress.take(address, now)
	if wait == 0 { // an address that is throttled costs the user nothing
		wait = p.byUser.take(name, now)
	}
	if wait > 0 {
		return &ThrottledError{Wait: wait}
	}
	h, known := p.hashes[name]
	if !known {
		h = p.decoys[maphash.String(p.seed, name)%uint64(len(p.decoys))]
	}
	matches, err := p.compute(ctx, h, password)
	if err == nil && (!matches || !known) {
		return ErrRefused
	}
	// Only what was tried and failed is counted.
	p.byAddress.giveBack(address)
	p.byUser.giveBack(name)
	return err
}

func (p *passwords) compute(ctx context.Context, h *hash, password string) (bool, error) {
	select {
	case p.queue <- struct{}{}:
	default:
		return false, ErrBusy
	}
	defer func() { <-p.queue }()
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return false, ErrBusy
	}
	defer func() { <-p.places }()
	return p.verify(h, password), nil
}
