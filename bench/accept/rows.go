package main

import (
	"context"
	"fmt"

	"github.com/dueq-io/dueq/bench/promise"
	"github.com/dueq-io/dueq/bench/scenario"
	"github.com/dueq-io/dueq/bench/system"
)

type verdict = promise.Verdict

func rows() []promise.Row[suite] {
	return []promise.Row[suite]{
		promise.Of("enqueue", "enqueue, 64 callers", ">= 2.5x asynq", atLeast("enqueue_64", 2.5)),
		promise.Of("process", "process, no-op, 64", ">= 8x asynq", atLeast("process", 8)),
		promise.Of("both", "both at once, end to end", ">= 7x asynq and >= half of the raw floor", bothAtOnce),
		promise.Of(
			"fsync", "both, appendfsync always", ">= 10x asynq, and faster than asynq with no persistence",
			bothFsynced,
		),
		promise.Of("memory", "memory of a delayed job", "<= 0.6 of asynq's", memory),
		promise.Of("lateness", "lateness, 1,000,000 behind", "p50 <= 2 ms, p99 <= 5 ms, none early", lateness),
		promise.Of("pickup", "pick-up by an idle worker", "p50 <= 1 ms", pickup),
		promise.Of("burst", "100,000 due in one ms", "all acked within 1.2 s, PING at most 10 ms", burst),
		promise.Of("idle", "idle process, 10 queues", "<= 5 commands/s", idle),
		promise.Of(
			"kill", "SIGKILL a worker with 10 jobs", "all 10 run again within lease + 1 s, no failure counted",
			killed,
		),
		promise.Of("files", "size of files", "go test ./internal/budget passes", budget),
		promise.Of("demo", "dueq demo --for 10s --json", "exit 0, done > 0, retried > 0, dead > 0, early == 0", demo),
		promise.Of("maketest", "make test in a fresh clone", "passes, under 10 minutes", makeTest),
	}
}

func atLeast(name string, bar float64) func(context.Context, *suite) (verdict, error) {
	return func(ctx context.Context, s *suite) (verdict, error) {
		f, err := s.figures(ctx, name, system.Dueq, system.Asynq)
		if err != nil {
			return verdict{}, err
		}
		text, ratio := f.ratio(name, system.Asynq)
		return verdict{Figure: text, Pass: ratio >= bar}, nil
	}
}

func bothAtOnce(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "both", system.Dueq, system.Asynq, scenario.Floor)
	if err != nil {
		return verdict{}, err
	}
	toAsynq, ratio := f.ratio("both", system.Asynq)
	toFloor, share := f.ratio("both", scenario.Floor)
	return verdict{Figure: toAsynq + ", " + toFloor, Pass: ratio >= 7 && share >= 0.5}, nil
}

func bothFsynced(ctx context.Context, s *suite) (verdict, error) {
	unsafe, err := s.figures(ctx, "both", system.Dueq, system.Asynq, scenario.Floor)
	if err != nil {
		return verdict{}, err
	}
	f, err := s.figures(ctx, "both_fsync_always", system.Dueq, system.Asynq)
	if err != nil {
		return verdict{}, err
	}
	text, ratio := f.ratio("both_fsync_always", system.Asynq)
	safe, fast := f.of("both_fsync_always", system.Dueq), unsafe.of("both", system.Asynq)
	text += "; asynq with no persistence " + scenario.Figure(fast)
	return verdict{Figure: text, Pass: ratio >= 10 && safe > fast}, nil
}

func memory(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "memory", system.Dueq, system.Asynq)
	if err != nil {
		return verdict{}, err
	}
	text, ratio := f.ratio("memory", system.Asynq)
	return verdict{Figure: text, Pass: ratio <= 0.6}, nil
}

func lateness(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "lateness", system.Dueq)
	if err != nil {
		return verdict{}, err
	}
	p50, p99 := f.of("lateness_p50", system.Dueq), f.of("lateness_p99", system.Dueq)
	early := f.of("lateness_early", system.Dueq)
	text := fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, %.0f early", p50, p99, early)
	return verdict{Figure: text, Pass: p50 <= 2 && p99 <= 5 && early == 0}, nil
}

func pickup(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "pickup", system.Dueq)
	if err != nil {
		return verdict{}, err
	}
	p50 := f.of("pickup_p50", system.Dueq)
	return verdict{Figure: fmt.Sprintf("p50 %.2f ms", p50), Pass: p50 <= 1}, nil
}

func burst(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "burst", system.Dueq)
	if err != nil {
		return verdict{}, err
	}
	took, ping := f.of("burst", system.Dueq), f.of("burst_ping_max", system.Dueq)
	return verdict{Figure: fmt.Sprintf("%.2f s with 256 handlers, PING at most %.2f ms", took, ping), Pass: took <= 1.2 && ping <= 10}, nil
}

func idle(ctx context.Context, s *suite) (verdict, error) {
	f, err := s.figures(ctx, "idle", system.Dueq)
	if err != nil {
		return verdict{}, err
	}
	rate := f.of("idle", system.Dueq)
	return verdict{Figure: fmt.Sprintf("%.2f commands/s", rate), Pass: rate <= 5}, nil
}
