//go:build !dueq

package system

import (
	"context"
	"errors"

	"github.com/dueq-io/dueq/queue"
)

// startDueq stands in until the packages worker and scheduler exist; then this file goes, and with it the build tag
// of dueq_process.go.
func startDueq(context.Context, *queue.Client, Processing) (func() error, error) {
	return nil, errors.New("dueq's worker is not built in yet")
}
