package dashboard

// alertsStrip is the alerts on the Overview, those that go on.
type alertsStrip struct {
	Watched bool
	Open    []incidentRow
	More    int
}

// shownAlerts is how many of them.
const shownAlerts = 5

// newAlertsStrip is nil where it is not known.
func newAlertsStrip(v *view) *alertsStrip {
	s := v.frame.alarms
	if s == nil {
		return nil
	}
	out := &alertsStrip{Watched: isWatched(s)}
	open := v.seenOpen(s)
	out.More = max(0, len(open)-shownAlerts)
	for i := range open[:min(len(open), shownAlerts)] {
		out.Open = append(out.Open, v.incidentRow(&open[i], s))
	}
	return out
}
