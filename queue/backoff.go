package queue

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait before the next attempt after so many failures, from 1 on.
type Backoff func(failures int) time.Duration

// Exponential waits for a random time between nothing and base × 2^(failures-1), at most limit: full
// jitter, so that what failed together does not come back together.
func Exponential(base, limit time.Duration) Backoff {
	return func(failures int) time.Duration {
		ceiling := limit
		if shift := failures - 1; shift < 62 && base <= limit>>max(shift, 0) {
			ceiling = base << max(shift, 0)
		}
		if ceiling <= 0 {
			return 0
		}
		return rand.N(min(ceiling, math.MaxInt64-1) + 1)
	}
}

// Constant always waits for d, or not at all where d is negative.
func Constant(d time.Duration) Backoff {
	return func(int) time.Duration { return max(d, 0) }
}

// Table waits for its entries in turn; the last repeats. An empty table waits for nothing, nor does a
// negative entry.
func Table(waits ...time.Duration) Backoff {
	return func(failures int) time.Duration {
		if len(waits) == 0 {
			return 0
		}
		return max(waits[min(max(failures, 1), len(waits))-1], 0)
	}
}
