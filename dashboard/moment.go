package dashboard

import "time"

// moment is a point in time as pages show it: how far away it is, and when. The clock is UTC's.
type moment struct {
	// ISO is for programs, Clock for a list, Full for whoever wants to know exactly.
	ISO, Clock, Full string
	Rel              phrase
}

// newMoment is nil for the zero time, which is one that is not known.
func newMoment(at, now time.Time) *moment {
	if at.IsZero() {
		return nil
	}
	utc := at.UTC()
	m := &moment{ISO: utc.Format("2006-01-02T15:04:05.000Z"), Full: utc.Format("2006-01-02 15:04:05.000 UTC")}
	if m.Clock = utc.Format("15:04:05"); utc.Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
		m.Clock = utc.Format(time.DateTime)
	}
	const justNow = 500 * time.Millisecond
	switch away := at.Sub(now); {
	case away > justNow:
		m.Rel = say("in %s", formatSpan(away))
	case away < -justNow:
		m.Rel = say("%s ago", formatSpan(-away))
	default:
		m.Rel = say("now")
	}
	return m
}
