package alarm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Signal is what a rule looks at.
type Signal string

// The signals. All but the last two are of one queue.
const (
	// Depth is the number of ready jobs.
	Depth Signal = "depth"
	// OldestReady is for how many seconds the job at the head of ready has been due; 0 while the queue is
	// paused.
	OldestReady Signal = "oldest_ready"
	// Overdue is for how many seconds the first job that is due and not promoted has been due.
	Overdue Signal = "overdue"
	// Lateness is how many seconds after they were due jobs started: 99 % of those of the last 5 minutes
	// started sooner.
	Lateness Signal = "lateness"
	// ErrorRate is the share of attempts that failed, 0 to 1, of those that ended in the last 5 minutes. It
	// begins nothing while fewer than 20 ended.
	ErrorRate Signal = "error_rate"
	// DeadGrowth is how many jobs died within the last hour.
	DeadGrowth Signal = "dead_growth"
	// NoWorker is the number of ready jobs in a queue that no worker serves; 0 while it is paused.
	NoWorker Signal = "no_worker"
	// RedisMemory is the share of Redis's maxmemory that is used, 0 to 1.
	RedisMemory Signal = "redis_memory"
	// RedisAway is for how many seconds this process could not read and write Redis.
	RedisAway Signal = "redis_away"
)

// Signals lists all signals.
func Signals() []Signal {
	return []Signal{Depth, OldestReady, Overdue, Lateness, ErrorRate, DeadGrowth, NoWorker, RedisMemory, RedisAway}
}

// OfQueue says whether each queue has the signal, rather than Redis.
func (s Signal) OfQueue() bool { return s != RedisMemory && s != RedisAway }

// Words names the signal for people.
func (s Signal) Words() string {
	switch s {
	case Depth:
		return "ready jobs"
	case OldestReady:
		return "oldest ready job"
	case Overdue:
		return "overdue jobs"
	case Lateness:
		return "lateness (p99, 5 min)"
	case ErrorRate:
		return "failed attempts (5 min)"
	case DeadGrowth:
		return "jobs dead within an hour"
	case NoWorker:
		return "ready jobs and no worker"
	case RedisMemory:
		return "memory of Redis"
	case RedisAway:
		return "Redis away"
	default:
		return string(s)
	}
}

// unit is what a value of a signal is measured in.
type unit int8

const (
	jobs unit = iota
	seconds
	share
)

func (s Signal) unit() unit {
	switch s {
	case OldestReady, Overdue, Lateness, RedisAway:
		return seconds
	case ErrorRate, RedisMemory:
		return share
	default:
		return jobs
	}
}

const percent = 100

// Format writes a value of the signal for people: 1200, 5m30s or 25%.
func (s Signal) Format(value float64) string {
	switch s.unit() {
	case seconds:
		return span(time.Duration(value * float64(time.Second)))
	case share:
		return strconv.FormatFloat(math.Round(value*percent*10)/10, 'f', -1, 64) + "%"
	default:
		return strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	}
}

// span is a duration as short as it may be read.
func span(d time.Duration) string {
	switch {
	case d >= time.Minute:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(time.Second / 10)
	default:
		d = d.Round(time.Millisecond)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Parse reads a value of the signal as Format writes it: a number of jobs, a duration such as 5m, or a
// percentage such as 25%. It returns ErrInvalid.
func (s Signal) Parse(text string) (float64, error) {
	text = strings.TrimSpace(text)
	switch s.unit() {
	case seconds:
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%w: %q: want a duration such as 30s or 5m", queue.ErrInvalid, text)
		}
		return d.Seconds(), nil
	case share:
		number, marked := strings.CutSuffix(text, "%")
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !marked {
			return 0, fmt.Errorf("%w: %q: want a percentage such as 25%%", queue.ErrInvalid, text)
		}
		return value / percent, nil
	default:
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %q: want a number of jobs", queue.ErrInvalid, text)
		}
		return float64(value), nil
	}
}
