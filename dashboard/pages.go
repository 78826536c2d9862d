package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
)

// pollEvery is how often a browser without a stream asks again.
const pollEvery = 5 * time.Second

// pageTable is every page, in the order of the navigation.
func (d *Dashboard) pageTable() []*page {
	pages := []*page{
		{
			name: "overview", path: "/{$}", nav: say("Overview"), key: "o", wishes: overviewWishes,
			live: func(v *view) any { return newOverview(v, &d.cfg, d.namespace) },
		},
		{name: "queues", path: "/queues", nav: say("Queues"), key: "q", live: func(v *view) any { return newQueues(v, &d.cfg, d.namespace) }},
		{
			name: "queue", path: "/queue", under: "queues", data: d.queueData,
			live: func(v *view) any { return queueLivePart(v, &d.cfg) },
		},
		{name: "jobs", path: "/jobs", nav: say("Jobs"), key: "j", data: d.jobsData},
		{name: "job", path: "/job", under: "jobs", data: d.jobData},
		{name: "errors", path: "/errors", nav: say("Errors"), key: "e", data: d.errorsData},
		{
			name: "schedule", path: "/schedule", nav: say("Schedule"), key: "s", wishes: scheduleWishes, data: scheduleData,
			live: func(v *view) any { return newScheduleView(v, &d.cfg) },
		},
		{name: "workers", path: "/workers", nav: say("Workers"), key: "w", live: func(v *view) any { return newWorkersView(v, &d.cfg) }},
		{name: "producers", path: "/producers", nav: say("Producers"), key: "p", live: func(v *view) any { return newProducersView(v, &d.cfg) }},
		{
			name: "charts", path: "/charts", nav: say("Metrics"), key: "m", wishes: d.chartsWishes, data: d.chartsData,
			live: func(v *view) any { return d.newChartsView(v) },
		},
		{
			name: "redis", path: "/redis", nav: say("Redis"), key: "r", need: access.Administer, data: d.redisData,
			live: func(v *view) any { return newRedisView(v, &d.cfg) },
		},
	}
	if d.cfg.Access.Login() {
		pages = append(pages, &page{name: "sessions", path: "/sessions", need: access.Administer, data: d.sessionsData})
	}
	return pages
}
