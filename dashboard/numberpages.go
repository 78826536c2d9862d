package dashboard

import "github.com/dueq-io/dueq/dashboard/access"

// numberPages are the pages that show numbers over time and who is there.
func (d *Dashboard) numberPages() []*page {
	return []*page{
		{
			name: "schedule", path: "/schedule", nav: say("Schedule"), key: "s", wishes: scheduleWishes, data: scheduleData, pace: wishEvery,
			live: func(v *view) any { return newScheduleView(v, &d.cfg) },
		},
		{name: "workers", path: "/workers", nav: say("Workers"), key: "w", live: func(v *view) any { return newWorkersView(v, &d.cfg) }},
		{name: "producers", path: "/producers", nav: say("Producers"), key: "p", live: func(v *view) any { return newProducersView(v, &d.cfg) }},
		{
			name: "charts", path: "/charts", nav: say("Metrics"), key: "m", wishes: chartsWishes, data: chartsData, pace: wishEvery,
			live: func(v *view) any { return newChartsView(v, &d.cfg) },
		},
		{name: "alerts", path: "/alerts", nav: say("Alerts"), key: "a", data: d.alertsData},
		{
			name: "redis", path: "/redis", nav: say("Redis"), key: "r", need: access.Administer, data: d.redisData,
			live: func(v *view) any { return newRedisView(v, &d.cfg) },
		},
	}
}

// numberRoutes are those of the same for programs, and what can be asked of workers.
func (d *Dashboard) numberRoutes() []route {
	return []route{
		{pattern: "GET /api/v1/schedule", need: access.See, show: d.serveSchedule, script: true},
		{pattern: "GET /api/v1/series", need: access.See, show: d.serveSeries, script: true},
		{pattern: "GET /api/v1/workers", need: access.See, show: d.serveWorkers, script: true},
		{pattern: "GET /api/v1/producers", need: access.See, show: d.serveProducers, script: true},
		{pattern: "GET /api/v1/redis", need: access.Administer, show: d.serveServers, script: true},
		{pattern: "GET /charts.csv", need: access.See, show: d.serveCSV, script: true},
		{pattern: "POST /workers/act", need: access.Operate, change: d.changeWorker},
	}
}
