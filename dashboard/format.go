package dashboard

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// none stands where there is no number: nothing waits, or it is not known yet.
const none = "–"

// formatCount writes a number with its thousands apart: 15,538.
func formatCount(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = digits[:1], digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// formatRate writes jobs a second: 0, <0.1, 4.2, 1,280.
func formatRate(perSecond float64) string {
	const shortest, whole = 0.05, 9.95
	switch {
	case math.IsNaN(perSecond) || perSecond <= 0:
		return "0"
	case perSecond < shortest:
		return "<0.1"
	case perSecond < whole:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	default:
		return formatCount(int64(math.Round(math.Min(perSecond, math.MaxInt32))))
	}
}

// formatSpan writes a duration in at most two units: 4.2 ms, 120 ms, 4.2 s, 42 s, 3m12s, 2h05m, 4d03h.
func formatSpan(d time.Duration) string {
	const whole, tenths = 9950 * time.Millisecond, 9950 * time.Microsecond
	switch {
	case d <= 0:
		return "0 s"
	case d < tenths:
		return fmt.Sprintf("%.1f ms", max(0.1, float64(d)/float64(time.Millisecond)))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < whole:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
}

// formatDue writes the time until something is due, which is negative when it is.
func formatDue(d time.Duration) phrase {
	if d < 0 {
		return say("now")
	}
	return say("in %s", formatSpan(d))
}

// formatLimit writes a threshold, which is a round number: 30 s, 5 min.
func formatLimit(d time.Duration) string {
	switch {
	case d%day == 0 && d > day:
		return fmt.Sprintf("%d d", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return formatSpan(d)
	}
}

// formatJobs writes a number of jobs: 1 job, 12 jobs.
func formatJobs(n int64) phrase {
	if n == 1 {
		return say("1 job")
	}
	return say("%s jobs", formatCount(n))
}

func formatWorkers(n int) phrase {
	if n == 1 {
		return say("1 worker")
	}
	return say("%s workers", formatCount(int64(n)))
}

// formatShare writes a part of a whole: 0 %, 0.2 %, 5.2 %, 83 %.
func formatShare(share float64) string {
	const whole = 0.0995
	switch percent := share * 100; {
	case math.IsNaN(share) || share <= 0:
		return "0 %"
	case share < whole:
		return strconv.FormatFloat(max(0.1, percent), 'f', 1, 64) + " %"
	default:
		return strconv.FormatFloat(percent, 'f', 0, 64) + " %"
	}
}

// formatMemory writes an amount of memory: 512 B, 12 KiB, 1.5 GiB.
func formatMemory(n int64) string {
	const unit, tenths = 1024, 9.95
	value, name := float64(max(0, n)), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < unit {
			break
		}
		value, name = value/unit, next
	}
	if value < tenths && name != "B" {
		return strconv.FormatFloat(value, 'f', 1, 64) + " " + name
	}
	return strconv.FormatFloat(value, 'f', 0, 64) + " " + name
}
