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
		{name: "queues", path: "/queues", nav: say("Queues"), key: "q", data: queuesData, live: func(v *view) any { return newQueues(v, &d.cfg, d.namespace) }},
		{
			name: "queue", path: "/queue", under: "queues", data: d.queueData, wishes: queueWishes,
			live: func(v *view) any { return queueLivePart(v, &d.cfg) },
		},
		{name: "jobs", path: "/jobs", nav: say("Jobs"), key: "j", data: d.jobsData},
		{name: "job", path: "/job", under: "jobs", data: d.jobData},
		{name: "errors", path: "/errors", nav: say("Errors"), key: "e", data: d.errorsData},
		{name: "operation", path: "/operation", under: "jobs", live: operationLivePart, data: d.operationData},
	}
	pages = append(pages, d.numberPages()...)
	pages = append(pages, &page{name: "journal", path: "/journal", nav: say("Journal"), key: "l", data: d.journalData})
	if d.cfg.Access.Login() {
		pages = append(pages, &page{name: "sessions", path: "/sessions", need: access.Administer, data: d.sessionsData})
	}
	return pages
}
