package worker

import "sync/atomic"

// Stats is what a Worker has done since it began.
type Stats struct {
	// Started, Done, Retried, Snoozed, Dead and Expired are numbers of jobs.
	Started int64 `json:"started"`
	Done    int64 `json:"done"`
	Retried int64 `json:"retried"`
	Snoozed int64 `json:"snoozed"`
	Dead    int64 `json:"dead"`
	Expired int64 `json:"expired"`
	// Unknown is how many jobs had a kind without a handler.
	Unknown int64 `json:"unknown"`
	// LeasesLost is how many leases were lost before the job was settled, Unsettled how many jobs
	// Redis would not settle; both run again.
	LeasesLost int64 `json:"leases_lost"`
	Unsettled  int64 `json:"unsettled"`
	// Running is how many jobs are leased by the worker now.
	Running int `json:"running"`
}

type tally struct {
	started, done, retried, snoozed, dead, expired, unknown, lost, unsettled atomic.Int64
}

// Stats returns the counts at this moment.
func (w *Worker) Stats() Stats {
	t := &w.tally
	return Stats{
		Started: t.started.Load(), Done: t.done.Load(), Retried: t.retried.Load(), Snoozed: t.snoozed.Load(),
		Dead: t.dead.Load(), Expired: t.expired.Load(), Unknown: t.unknown.Load(),
		LeasesLost: t.lost.Load(), Unsettled: t.unsettled.Load(), Running: w.running.count(),
	}
}
