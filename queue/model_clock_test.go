package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
)

// rig is a client whose scripts see a time that only advance moves, so that a model can say what they
// answer to the microsecond, on a real Redis as well.
type rig struct {
	*Client
	in  *Inspector
	b   *Broker
	now time.Time
	// swap is what stands in the place of scripts on a real Redis.
	swap scriptSwap
}

// rigs are the two servers that the same tests run on.
var rigs = map[string]func(testing.TB) *rig{"redis": realRig, "memory": memoryRig}

// pinnedMicros are the microseconds of a rig's time, so that a wait which is rounded is seen.
const pinnedMicros = 400

// rigStart is when time begins for a rig: today, because due times are compared with the caller's clock
// too, and a whole second.
func rigStart() time.Time { return time.Now().Truncate(time.Second) }

func newRig(c *Client, now time.Time) *rig {
	return &rig{Client: c, in: c.Inspector(), b: c.Broker(), now: now}
}

func memoryRig(tb testing.TB) *rig {
	tb.Helper()
	c := openRig(tb, "memory://")
	now := rigStart()
	c.embedded.redis.SetTime(now.Add(pinnedMicros * time.Microsecond))
	return newRig(c, now)
}

// realRig has a server of its own: its tests flush scripts and databases.
func realRig(tb testing.TB) *rig {
	tb.Helper()
	c := openRig(tb, "unix://"+redistest.Start(tb).Addr()) // its tests reach below the client
	now := rigStart()
	r := newRig(c, now)
	r.swap = scriptSwap{pinned: fmt.Sprintf(pinnedCall, now.Unix(), pinnedMicros), to: map[string]string{}}
	for verb := range scripts {
		r.prelude(verb, "")
	}
	c.rdb.AddHook(r.swap)
	return r
}

// prelude puts Lua before a script, in all further calls.
func (r *rig) prelude(verb, lua string) {
	sc := scripts[verb]
	// The shebang has to stay the first line.
	shebang, body, _ := strings.Cut(sc.source.text, "\n")
	swapped := newSource(shebang + "\n" + r.swap.pinned + lua + body)
	r.swap.to[sc.source.sha], r.swap.to[sc.source.text] = swapped.sha, swapped.text
}

func openRig(tb testing.TB, url string) *Client {
	tb.Helper()
	cfg := Config{Namespace: redistest.Prefix(tb), Logger: slog.New(slog.DiscardHandler)}
	c, err := cfg.Open(context.Background(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	// A machine that is busy with other tests may not answer for seconds; no answer is worse than late.
	c.rdb.(*redis.Client).Options().ReadTimeout = time.Minute
	return c
}

// advance moves the time that scripts see.
func (r *rig) advance(d time.Duration) {
	testhook.ShiftTime(r.Client, d)
	r.now = r.now.Add(d)
}

// flush empties the server and turns its time back.
func (r *rig) flush(tb interface{ Fatal(...any) }) {
	if err := r.rdb.FlushDB(context.Background()).Err(); err != nil {
		tb.Fatal(err)
	}
	r.now = r.now.Add(-time.Duration(r.shiftMS.Swap(0)) * time.Millisecond)
}

// pinnedCall stands before a script and gives it a redis.call whose TIME stands still (ARGV[1] still
// shifts it), and which refuses what a script must not do: touch a key that it has not declared, which
// fails half-way on a Redis Cluster, and pass on more values than a stack of Lua is sure to hold.
const pinnedCall = `
local redis = { real = redis, declared = {} }
for _, key in ipairs(KEYS) do redis.declared[key] = true end
function redis.call(command, ...)
  if command == 'TIME' then return { '%d', '%d' } end
  for i = 1, (command == 'EXISTS' or command == 'UNLINK') and select('#', ...) or 1 do
    assert(redis.declared[select(i, ...)], command .. ' of a key that is not declared')
  end
  assert(select('#', ...) <= 1001, command .. ' with more than a key and 1000 values')
  return redis.real.call(command, ...)
end
`

// scriptSwap is a go-redis hook that sends another text in the place of each script. The client under
// test goes on speaking of its own scripts.
type scriptSwap struct {
	pinned string
	// to maps the digests of scripts, and their texts.
	to map[string]string
}

func (h scriptSwap) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h scriptSwap) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h scriptSwap) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			args := cmd.Args() // not a copy
			if swapped, ok := h.to[args[1].(string)]; ok {
				args[1] = swapped
			}
		}
		return next(ctx, cmd)
	}
}
