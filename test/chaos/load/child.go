package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/history"
)

// Child runs this process as a worker or a producer and does not return, if the environment says that
// it is one. Otherwise it does nothing.
func Child() {
	text, ok := os.LookupEnv(env)
	if !ok {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := runChild(ctx, text)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(ctx context.Context, text string) (err error) {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("%s is not what a Fleet writes there: %w", env, err)
	}
	seen, err := history.Create(s.Dir, s.Number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, notePeak(seen), seen.Close()) }()
	if err := s.checkClock(); err != nil {
		return err
	}
	client, err := s.open(ctx, seen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if s.Worker != nil {
		return s.work(ctx, client, seen)
	}
	return s.produce(ctx, client, seen)
}

// open connects. Where the URL is one server's, the answers to acks are noted as they arrive.
func (s *settings) open(ctx context.Context, seen *history.Writer) (*queue.Client, error) {
	cfg := queue.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if s.Producer != nil && s.Producer.Replicas > 0 {
		cfg.Durability = queue.Replicated(s.Producer.Replicas, ConfirmWithin)
	}
	for {
		client, err := s.connect(ctx, cfg, seen)
		// A Redis that is away is waited for, as a supervisor that restarts a service would.
		if err == nil || errors.Is(err, queue.ErrUnfit) || errors.Is(err, queue.ErrInvalid) || !pause(ctx) {
			return client, err
		}
	}
}

func (s *settings) connect(ctx context.Context, cfg queue.Config, seen *history.Writer) (*queue.Client, error) {
	if s.Worker == nil || !strings.HasPrefix(s.URL, "redis://") {
		return cfg.Open(ctx, s.URL)
	}
	opt, err := redis.ParseURL(s.URL)
	if err != nil {
		return nil, err
	}
	// As queue.Open does, so that what is on trial behaves as users' workers do.
	opt.MaxRetries, opt.DialerRetries, opt.Protocol, opt.ContextTimeoutEnabled = -1, 1, 2, true
	rdb := redis.NewClient(opt)
	rdb.AddHook(ackWatch{seen})
	client, err := queue.New(ctx, rdb, cfg)
	if err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	return client, nil
}
