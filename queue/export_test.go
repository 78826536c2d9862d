package queue

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
)

// What the tests of package queue_test need from inside.
var (
	JudgeInfo = judgeInfo
	ParseInfo = parseInfo
)

// MaxBatch is how many jobs one script call carries.
const MaxBatch = maxBatch

// Connection returns the go-redis client below c.
func Connection(c *Client) redis.UniversalClient { return c.rdb }

// Redis returns a go-redis client for what tests do beside c: the one below c, or where that is of a user
// with a role's rights only, one that may do all, which lasts as long as c's test.
func Redis(t testing.TB, c *Client) redis.UniversalClient {
	single, ok := c.rdb.(*redis.Client)
	if !ok || !redistest.Restricts(single.Options().Username) {
		return c.rdb
	}
	opt := *single.Options()
	opt.Username, opt.Password = "", ""
	admin := redis.NewClient(&opt)
	t.Cleanup(func() { admin.Close() })
	return admin
}

// KeysOf returns the keys of a queue's shard by the names that scripts know them by.
func KeysOf(c *Client, queue string) map[string]string { return c.lineOf(queue).shard.keys }

// KeysUsed returns the names of the keys that a verb's script declares.
func KeysUsed(verb string) []string { return scripts[verb].keys }

// ScriptTexts returns the scripts by verb, as a Redis server gets them.
func ScriptTexts() map[string]string {
	out := map[string]string{}
	for verb, sc := range scripts {
		out[verb] = sc.source.text
	}
	return out
}

func groupOf(c *Client, queue, verb string) *group {
	l := c.lineOf(queue)
	if verb == "enqueue" {
		return &l.enqueue
	}
	return l.settle[scripts[verb]]
}

// Waiting returns how many calls of a verb gather for the next batch.
func Waiting(c *Client, queue, verb string) int {
	g := groupOf(c, queue, verb)
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Flying returns how many script calls of a verb are under way.
func Flying(c *Client, queue, verb string) int {
	g := groupOf(c, queue, verb)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flying
}

// Hold lets the calls of a verb gather until release, so that they go together in one script call. Calls
// that happen to come at one moment do so by themselves.
func Hold(c *Client, queue, verb string) (release func()) {
	g := groupOf(c, queue, verb)
	for held := false; !held; runtime.Gosched() {
		g.mu.Lock()
		if held = g.flying == 0; held { // nobody is left who could take what gathers
			g.flying = g.flights
		}
		g.mu.Unlock()
	}
	return func() {
		g.mu.Lock()
		g.flying = 1
		g.mu.Unlock()
		go g.fly()
	}
}

// FrozenAt is where time stands for a client after Freeze: today, because a due time is compared with
// the caller's clock too. One moment for all tests, so that they share their scripts.
var FrozenAt = time.Now().Truncate(time.Second)

// Freeze stops the time of a client's scripts, so that a test can say what they do to the millisecond.
// testhook.ShiftTime moves it.
func Freeze(c *Client) {
	if c.embedded != nil {
		c.embedded.redis.SetTime(FrozenAt)
		return
	}
	c.rdb.AddHook(frozen{})
}

// frozenScripts maps the texts and digests of scripts to those with a time that stands still.
var frozenScripts = sync.OnceValue(func() map[string]string {
	still := fmt.Sprintf("{'%d','0'}", FrozenAt.Unix())
	out := map[string]string{}
	for _, sc := range scripts {
		at := newSource(strings.ReplaceAll(sc.source.text, "redis.call('TIME')", still))
		out[sc.source.sha], out[sc.source.text] = at.sha, at.text
	}
	return out
})

// frozen is the go-redis hook of Freeze.
type frozen struct{}

func (frozen) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f frozen) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		f.before(cmd)
		err := next(ctx, cmd)
		f.after(cmd)
		return err
	}
}

func (f frozen) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			f.before(cmd)
		}
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			f.after(cmd)
		}
		return err
	}
}

func (frozen) before(cmd redis.Cmder) {
	if name := cmd.Name(); name == "evalsha" || name == "eval" {
		args := cmd.Args() // not a copy
		if text, ok := args[1].(string); ok && frozenScripts()[text] != "" {
			args[1] = frozenScripts()[text]
		}
	}
}

func (frozen) after(cmd redis.Cmder) {
	if now, ok := cmd.(*redis.TimeCmd); ok && cmd.Err() == nil {
		now.SetVal(FrozenAt)
	}
}

// Beat makes the client say at once what it does.
func Beat(c *Client) error { return c.member.beat(context.Background()) }

// BeatKey is where a program says what it does, FleetKey where all are listed.
func BeatKey(c *Client, process string) string { return beatKey(c.cfg.Namespace, process) }
func FleetKey(c *Client) string                { return fleetKey(c.cfg.Namespace) }

// Unvet lets the next call look at the types of a shard's keys, as a new process would.
func Unvet(c *Client, queue string) { c.lineOf(queue).shard.vetted.Store(false) }
