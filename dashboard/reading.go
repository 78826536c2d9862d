package dashboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dueq-io/dueq/queue"
)

// reading is one queue as Redis has it, or why it could not be read.
type reading struct {
	queue.QueueInfo
	err error
}

// reader reads all queues, by name. Its error means that nothing could be read.
type reader func(ctx context.Context) ([]reading, error)

// readerOf reads through the inspector: all queues in two pipelines.
func readerOf(client *queue.Client) reader {
	inspector := client.Inspector()
	return func(ctx context.Context) ([]reading, error) {
		infos, err := inspector.Queues(ctx)
		if errors.Is(err, queue.ErrWrongType) {
			return readEach(ctx, client)
		}
		if err != nil {
			return nil, err
		}
		out := make([]reading, len(infos))
		for i := range infos {
			out[i].QueueInfo = infos[i]
		}
		return out, nil
	}
}

// readEach reads queue by queue. A key of a wrong type fails the pipeline that reads all of them, but
// one damaged queue must not hide the others.
func readEach(ctx context.Context, client *queue.Client) ([]reading, error) {
	names, err := client.Broker().Queues(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	inspector := client.Inspector()
	out := make([]reading, len(names))
	for i, name := range names {
		out[i].QueueInfo, out[i].err = inspector.Queue(ctx, name)
		out[i].Name = name
		if out[i].err != nil && !errors.Is(out[i].err, queue.ErrWrongType) {
			return nil, fmt.Errorf("read queue %s: %w", name, out[i].err)
		}
	}
	return out, nil
}

// cause says in public words why Redis could not be read. Its errors name hosts and users, which are
// for the log.
func cause(err error) phrase {
	switch {
	case err == nil:
		return say("Redis has not answered yet")
	case errors.Is(err, queue.ErrWrongType):
		return say("a key holds a value of the wrong type: another program writes under the same names")
	case errors.Is(err, queue.ErrUnavailable):
		return say("Redis cannot be reached or refuses to work")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, queue.ErrUnknown):
		return say("Redis does not answer")
	default:
		return say("Redis answers with an error, which is in the log")
	}
}
