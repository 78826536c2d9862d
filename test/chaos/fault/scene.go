package fault

import (
	"context"
	"errors"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// scene is what a fault happens to.
type scene struct {
	redis    node.Config
	workers  int
	worker   load.WorkerConfig
	producer load.ProducerConfig
	check    checker.Options
}

// under plays a scene: it starts everything, breaks it when jobs run, waits for the end and judges.
func (r *Run) under(ctx context.Context, sc scene, harm func(*stage, []*load.Process) error) (report *checker.Report, err error) {
	s, err := open(ctx, r, sc.redis)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	workers, err := s.workers(sc.workers, sc.worker)
	if err != nil {
		return nil, err
	}
	producer, err := s.Producer(sc.producer)
	if err != nil {
		return nil, err
	}
	if sc.producer.Due.IsZero() {
		if err := s.seen(ctx, history.Started, 1); err != nil {
			return nil, err
		}
	}
	if err := harm(s, workers); err != nil {
		return nil, err
	}
	if report, err = s.judge(ctx, sc.check, producer); err != nil {
		return nil, err
	}
	r.soundly(report, int(sc.producer.Jobs))
	return report, nil
}
