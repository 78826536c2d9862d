// Command operators measures what is promised to operators, and fails when one promise is not kept.
package main

import (
	"context"
	"flag"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/bench/promise"
)

// suite is one run of the table.
type suite struct {
	// jobs is how many jobs the rows of scale are measured with, in queues.
	jobs, queues int
	// rounds is how often throughput is measured with and without tabs.
	rounds int
	root   string
	at     *scale
}

const (
	fullJobs  = 10_000_000
	smallJobs = 200_000
)

// silence is for go-redis, which says on standard error what rows take away from it.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func main() {
	redis.SetLogger(silence{})
	if runChild() {
		return
	}
	var s suite
	flag.BoolFunc("full", "measure the rows of scale with 10,000,000 jobs", func(string) error {
		s.jobs = fullJobs
		return nil
	})
	flag.IntVar(&s.jobs, "jobs", smallJobs, "jobs for the rows of scale")
	flag.IntVar(&s.queues, "queues", 100, "queues for the rows of scale")
	flag.IntVar(&s.rounds, "rounds", 9, "rounds of throughput with and without tabs, of which the medians count")
	table := promise.Table[suite]{
		Command: "operators", Rows: rows(),
		Valid: func(s *suite) bool { return s.jobs >= s.queues && s.queues > 0 && s.rounds > 0 },
		Close: func(s *suite) error { return s.at.close() },
	}
	table.Main(&s, &s.root)
}

type verdict = promise.Verdict

func rows() []promise.Row[suite] {
	return []promise.Row[suite]{
		promise.Of("paint", "Overview of dueq demo", "complete, first paint < 300 ms", paint),
		promise.Of("size", "JavaScript and CSS of it", "< 40 KB gzipped", size),
		promise.Of("mover", "a killed mover", "overdue named within 5 s", incident(killedMover)),
		promise.Of("worker", "a killed worker", "no worker named within 10 s", incident(killedWorker)),
		promise.Of("slow", "a slow worker", "named within 10 s", incident(slowWorker)),
		promise.Of("stalled", "a stalled queue", "named within 10 s", incident(stalledQueue)),
		promise.Of("full", "a full Redis", "named within 10 s", incident(fullRedis)),
		promise.Of("away", "Redis away", "named within 10 s, with the age of the data", incident(redisAway)),
		promise.Of("horizon", "horizon", "bars + overdue + later = ZCARD", horizon),
		promise.Of("metrics", "metrics", "deltas equal the jobs run, exactly", metrics),
		promise.Of(
			"alarm", "alarm, three processes watch", "one mail for an incident, one for its end",
			proof("test/operators", "TestOneMailForAnIncidentAndOneForItsEnd"),
		),
		promise.Of(
			"balancer", "two dashboards, one killed", "the signed-in user goes on",
			proof("cmd/dueq", "TestKilledDashboardSignsNobodyOut"),
		),
		promise.Of("axe", "axe-core on each page", "no violation", proof("test/browser", "TestAccessible")),
		promise.Of(
			"promtool", "promtool and a real Prometheus", "nothing found",
			proof("test/operators", "TestPromtoolFindsNothing", "TestPromtoolChecksTheMetrics", "TestPrometheusScrapesALiveSystem"),
		),
		promise.Of("pages", "each page, with 20 tabs open", "< 200 ms", pages),
		promise.Of("redis", "Redis's time for 20 tabs", "< 2 % of a core", redisTime),
		promise.Of("engine", "throughput with 20 tabs", "within 3 % of that without", engine),
	}
}
