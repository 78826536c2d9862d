package dashboard

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dueq-io/dueq/alarm"
)

// alarmMetrics say whether alarms can be relied on.
type alarmMetrics struct{ watched, open, failing *prometheus.Desc }

func newAlarmMetrics() alarmMetrics {
	return alarmMetrics{
		watched: describe("dueq_alarm_watched", "1 when a process has looked at the rules of alarms within the last minute."),
		open:    describe("dueq_alarm_incidents_open", "Incidents that go on."),
		failing: describe("dueq_alarm_messages_failing", "Messages about incidents that could not be sent when last tried."),
	}
}

func (m *alarmMetrics) all() []*prometheus.Desc {
	return []*prometheus.Desc{m.watched, m.open, m.failing}
}

// send leaves out what was not asked for yet.
func (m *alarmMetrics) send(out chan<- prometheus.Metric, s *alarm.State) {
	if s == nil {
		return
	}
	failing := 0
	for _, i := range slices.Concat(s.Open, s.Ended) {
		for _, d := range i.Deliveries {
			failing += count(d.Error != "")
		}
	}
	send(out, m.watched, float64(count(isWatched(s))))
	send(out, m.open, float64(len(s.Open)))
	send(out, m.failing, float64(failing))
}
