package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

const memoryURL = "memory://"

// open connects for workers and schedulers, which keep the promises: a server that cannot keep them is refused.
func (c *config) open(ctx context.Context, p *process) (*queue.Client, error) {
	logger, err := c.logger(p)
	if err != nil {
		return nil, err
	}
	return c.connect(ctx, p, queue.Config{Roles: []queue.Role{queue.RoleWorker}, AcceptDataLoss: c.acceptDataLoss, Logger: logger})
}

// produce is open without the warnings: doctor and the daemons have them, and whoever enqueues has to read
// them again with each job.
func (c *config) produce(ctx context.Context, p *process) (*queue.Client, error) {
	return c.connect(ctx, p, queue.Config{Roles: []queue.Role{queue.RoleProducer}, AcceptDataLoss: c.acceptDataLoss, Logger: quiet()})
}

// look connects for looking and operating, which an operator needs most where something is wrong; what is
// wrong is told by doctor.
func (c *config) look(ctx context.Context, p *process) (*queue.Client, error) {
	return c.connect(ctx, p, queue.Config{AcceptDataLoss: true, Logger: quiet()})
}

func (c *config) connect(ctx context.Context, p *process, cfg queue.Config) (*queue.Client, error) {
	if c.redis == memoryURL {
		p.note("dueq: memory:// is a Redis within this process: nothing is kept when it ends")
	}
	return c.dial(ctx, c.redis, cfg)
}

// dial opens a client with the settings that all commands share.
func (c *config) dial(ctx context.Context, rawURL string, cfg queue.Config) (*queue.Client, error) {
	if err := checkURL(rawURL); err != nil {
		return nil, err
	}
	if cfg.Namespace == "" {
		cfg.Namespace = c.namespace
	}
	cfg.MaxPayload, cfg.Queues, cfg.Beat = c.maxPayload, c.knownQueues, c.beat
	client, err := cfg.Open(ctx, rawURL)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", maskURL(rawURL), err)
	}
	return client, nil
}

// checkURL finds a password that was not encoded. What net/url says of such a URL names a part of it.
func checkURL(rawURL string) error {
	_, info, _ := userinfo(rawURL)
	if info == "" {
		return nil
	}
	shown := maskURL(rawURL)
	user, password, _ := strings.Cut(info, ":")
	_, userErr := url.PathUnescape(user)
	_, passwordErr := url.PathUnescape(password)
	if userErr != nil || passwordErr != nil || strings.ContainsAny(info, "/?#[] ") {
		return fmt.Errorf("%w: redis url %s: in a password write / ? # [ ] @ %% as %%2F %%3F %%23 %%5B %%5D %%40 %%25",
			queue.ErrInvalid, shown)
	}
	return nil
}

// logger is the log of daemons.
func (c *config) logger(p *process) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return nil, errors.New("log_level: want debug, info, warn or error")
	}
	options := &slog.HandlerOptions{Level: level}
	switch c.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(p.errOut, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.errOut, options)), nil
	default:
		return nil, errors.New("log_format: want text or json")
	}
}
