package dashboard

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// redisView is the live part of the Redis page.
type redisView struct {
	Known, Stale bool
	Servers      []serverRow
}

type serverRow struct {
	Name, Addr, Version, Mode, Role, Policy string
	Level                                   level
	Silent                                  phrase
	RTT, Up                                 string
	Used, Limit, Peak                       string
	// Percent is how full the memory is, where there is a limit.
	Percent                   int
	Clients, Blocked, Refused int64
	Keys, Commands            int64
	AOF, Troubled, BadPolicy  bool
	Saved                     *moment
	Unsaved                   int64
	Replicas                  []replicaRow
	Slots                     []string
}

type replicaRow struct {
	Addr, State, Behind, Silence string
}

func newRedisView(v *view, cfg *Config) redisView {
	f := v.frame
	out := redisView{Known: f.servers != nil, Stale: f.stale(v.now, cfg.IdleInterval)}
	for i := range f.servers {
		out.Servers = append(out.Servers, newServerRow(&f.servers[i], cfg, v.now))
	}
	return out
}

func newServerRow(s *queue.ServerInfo, cfg *Config, now time.Time) serverRow {
	row := serverRow{Addr: cmp.Or(s.Addr, none)}
	if s.Err != nil {
		row.Level, row.Silent = down, cause(s.Err)
		return row
	}
	for _, f := range serverFindings([]queue.ServerInfo{*s}, cfg) {
		row.Level = max(row.Level, f.Level)
	}
	row.Version, row.Mode, row.Role, row.Policy = s.Version, s.Mode, s.Role, s.Policy
	row.RTT, row.Up = formatSpan(s.RTT), formatSpan(s.Uptime)
	row.Used, row.Peak, row.Limit = formatMemory(s.Used), formatMemory(s.Peak), none
	if s.Limit > 0 {
		row.Limit, row.Percent = formatMemory(s.Limit), min(100, int(100*s.MemoryShare()))
	}
	row.Clients, row.Blocked, row.Refused, row.Keys, row.Commands = s.Clients, s.Blocked, s.Refused, s.Keys, s.Commands
	row.AOF, row.Troubled, row.BadPolicy = s.AOF, s.Troubled, s.Policy != "noeviction"
	row.Saved, row.Unsaved, row.Slots = newMoment(s.Saved, now), s.Unsaved, s.Slots
	for _, r := range s.Replicas {
		row.Replicas = append(row.Replicas, replicaRow{r.Addr, r.State, formatMemory(r.Behind), formatSpan(r.Silence)})
	}
	return row
}

// checkup keeps what queue.Client.Check found for a while: it tries every command that the user may need.
type checkup struct {
	mu     sync.Mutex
	at     time.Time
	report queue.Report
	err    error
}

const checkupEvery = time.Minute

// fitness is what the Redis page says about the fitness of the server.
type fitness struct {
	Fatal, Warnings []string
	Failed          phrase
}

// redisData is kept for checkupEvery, whoever asks.
func (d *Dashboard) redisData(ctx context.Context, _ *view) (any, error) {
	c := &d.checkup
	c.mu.Lock()
	defer c.mu.Unlock()
	if check := d.collector.check; check != nil && time.Since(c.at) > checkupEvery {
		ctx, cancel := context.WithTimeout(ctx, sampleTimeout/2)
		defer cancel()
		c.report, c.err = check(ctx)
		c.at = time.Now()
		if c.err != nil {
			d.cfg.Logger.WarnContext(ctx, "dashboard: redis cannot be checked", slog.Any("error", c.err))
		}
	}
	out := fitness{Fatal: c.report.Fatal, Warnings: c.report.Warnings}
	if c.err != nil {
		out = fitness{Failed: cause(c.err)}
	}
	return out, nil
}
