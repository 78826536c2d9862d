package queue

import (
	"math"
	"time"
)

// HistogramSize is the number of parts of a Histogram.
const HistogramSize = 52

// Histogram counts times by their length, to the ms: part 0 is below 1 ms, part 1 is 1 ms, and from there
// on each power of two has two parts, from 1 to 1.5 and from 1.5 to 2 times it. The last part is all from
// 50,331,648 ms on, which is about 14 h.
type Histogram [HistogramSize]int64

// HistogramBounds returns the least time that part i counts and the least that is too long for it. The
// last part has no end: its high is negative.
func HistogramBounds(i int) (low, high time.Duration) {
	high = -1
	if i < HistogramSize-1 {
		high = lowOf(i + 1)
	}
	return lowOf(i), high
}

func lowOf(i int) time.Duration {
	if i < 2 {
		return time.Duration(i) * time.Millisecond
	}
	return time.Duration(2+i%2) << (i/2 - 1) * time.Millisecond
}

// Count returns how many times were counted.
func (h *Histogram) Count() int64 {
	n := int64(0)
	for _, part := range h {
		n += part
	}
	return n
}

// Add counts all that other has counted.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// Quantile returns the time that a share of q of those counted do not exceed, q from 0 to 1: the geometric
// middle of its part, which from 2 ms on is within 23 % of the true one. It is 0 for a time below 1 ms, the
// low bound for one in the last part, and negative when nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total < 1 {
		return -1
	}
	rank := max(1, int64(math.Ceil(min(max(q, 0), 1)*float64(total))))
	for i, n := range h {
		if rank -= n; rank > 0 {
			continue
		}
		low, high := HistogramBounds(i)
		if high < 0 {
			return low
		}
		return time.Duration(math.Sqrt(float64(low) * float64(high)))
	}
	return -1
}
