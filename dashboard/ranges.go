package dashboard

import "time"

// timeRange is how far the Metrics page looks back, and the steps in which it does.
type timeRange struct {
	// name is what a query calls it.
	name         string
	label        phrase
	length, step time.Duration
}

const day = 24 * time.Hour

var timeRanges = []timeRange{
	{"15m", say("15 min"), 15 * time.Minute, 10 * time.Second},
	{"1h", say("1 h"), time.Hour, 30 * time.Second},
	{"6h", say("6 h"), 6 * time.Hour, 2 * time.Minute},
	{"24h", say("24 h"), day, 10 * time.Minute},
	{"7d", say("7 d"), 7 * day, time.Hour},
	{"30d", say("30 d"), 30 * day, 6 * time.Hour},
}

// rangeOf is the one of that name, and the hour for any other: no number of a query reaches Redis.
func rangeOf(name string) timeRange {
	const usual = 1
	for _, r := range timeRanges {
		if r.name == name {
			return r
		}
	}
	return timeRanges[usual]
}
