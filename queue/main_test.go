package queue_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // it reports each connection that fails, which many tests want
	redistest.Main(m)
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
