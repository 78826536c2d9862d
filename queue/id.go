package queue

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// crockford is the alphabet of IDs: it sorts as the numbers do and has no letters to mistake.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idClock is the last ID's time in ms and its counter within the ms, as ms<<12 | counter, so that the
// IDs of one process rise even within a millisecond or when the clock steps back.
var idClock atomic.Uint64

// newID returns a UUIDv7 (RFC 9562) in 26 characters.
func newID() string {
	now := uint64(time.Now().UnixMilli()) << 12
	for {
		last := idClock.Load()
		next := max(now, last+1)
		if idClock.CompareAndSwap(last, next) {
			return encodeID(next, rand.Uint64())
		}
	}
}

// encodeID builds the UUID of a clock value and 62 random bits, and writes it in base 32.
func encodeID(clock, random uint64) string {
	ms, counter := clock>>12, clock&0xfff
	high := ms<<16 | 7<<12 | counter
	low := random>>2 | 1<<63
	var out [26]byte
	for i := 25; i >= 0; i-- {
		out[i] = crockford[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return string(out[:])
}

// idTime returns the creation time within a generated ID, by the producer's clock. ok is false for an
// ID that is not of that form.
func idTime(id string) (created time.Time, ok bool) {
	if len(id) != 26 {
		return time.Time{}, false
	}
	var high, low uint64
	for i := range len(id) {
		digit := crockfordDigit[id[i]]
		if digit == 0xff {
			return time.Time{}, false
		}
		high = high<<5 | low>>59
		low = low<<5 | uint64(digit)
	}
	var uuid [16]byte
	binary.BigEndian.PutUint64(uuid[:8], high)
	binary.BigEndian.PutUint64(uuid[8:], low)
	if uuid[6]>>4 != 7 || uuid[8]>>6 != 2 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(high >> 16)), true
}

var crockfordDigit = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i := range len(crockford) {
		table[crockford[i]] = byte(i)
	}
	return table
}()
