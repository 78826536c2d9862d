package queue

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Role is what a program does with a queue, and so which of Redis's commands its user needs.
type Role string

const (
	// RoleProducer hands jobs in, cancels and reschedules them: a Client without its Broker and Inspector.
	RoleProducer Role = "producer"
	// RoleWorker runs jobs and moves time forward: a Broker, packages worker and scheduler.
	RoleWorker Role = "worker"
	// RoleDashboard reads queues, and keeps what dashboards share: an Inspector that changes nothing, and a Desk.
	RoleDashboard Role = "dashboard"
	// RoleOperator reads, operates and repairs: a whole Inspector, and AuditNames over all keys of the server.
	RoleOperator Role = "operator"
)

// Roles returns all roles.
func Roles() []Role { return []Role{RoleProducer, RoleWorker, RoleDashboard, RoleOperator} }

// need is what a role calls: its scripts, whose commands are read off their texts, the commands that its Go
// code sends by itself, and those that it sends for the keys of the Desk only.
type need struct {
	scripts  []*script
	commands string
	desk     string
}

const (
	readCommands = "time smembers get pttl hget hmget hgetall hexists hlen hscan lrange llen lindex zcard zcount zrange zrevrange zscore "
	// beatCommands are those by which a program lets itself be seen.
	beatCommands = "set del zadd zrem zrandmember exists "
	// anyCommands are those of the start-up checks and of Ping.
	anyCommands = "info ping "
)

var needs = map[Role]need{
	RoleProducer: {[]*script{enqueueScript, cancelScript, rescheduleScript}, beatCommands + "sadd rpush ", ""},
	RoleWorker: {
		[]*script{
			leaseScript, extendScript, ackScript, retryScript, snoozeScript, releaseScript, buryScript,
			promoteScript, reapScript, purgeScript,
		},
		beatCommands + "smembers blpop hmget hget time rpush ltrim ", "",
	},
	RoleDashboard: {nil, readCommands, "get pttl set pexpire del zadd zrem zremrangebyscore xadd xrevrange watch unwatch multi exec "},
	RoleOperator: {
		[]*script{cancelScript, rescheduleScript, requeueScript, purgeScript, deleteScript, auditScript, auditLockScript, auditCountsScript},
		readCommands + "hset hdel sadd rpush ltrim zmscore zscan exists scan sismember srem type watch multi exec renamenx append ",
		"get set unwatch ",
	},
}

var calledCommand = regexp.MustCompile(`(?:redis\.call|push|add)\('([A-Z]+)'`)

// Commands returns the commands of Redis that roles need, in lower case and sorted.
func Commands(roles ...Role) []string {
	all := map[string]bool{}
	add := func(names string) {
		for name := range strings.FieldsSeq(names) {
			all[name] = true
		}
	}
	add(anyCommands)
	for _, role := range roles {
		add(needs[role].commands + needs[role].desk)
		for _, sc := range needs[role].scripts {
			// Every script call looks at the types of the shard's keys before.
			add("eval evalsha type")
			for _, m := range calledCommand.FindAllStringSubmatch(sc.source.text, -1) {
				add(strings.ToLower(m[1]))
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// ACL returns the smallest rules of a Redis user for roles in a namespace, in the words of ACL SETUSER,
// without a password. It adds to them what else the user is to be allowed, as command names: wait or waitaof
// for a Durability, select for another database than 0, cluster|slots for a Redis Cluster.
func ACL(namespace string, roles []Role, more ...string) ([]string, error) {
	namespace = cmp.Or(namespace, defaultNamespace)
	if !validName(namespace) {
		return nil, fmt.Errorf("%w: namespace %q: want 1 to %d characters of [a-zA-Z0-9_.-]", ErrInvalid, namespace, maxNameBytes)
	}
	if err := checkRoles(roles); err != nil {
		return nil, err
	}
	keys := []string{"~" + namespace + ":*"}
	// No role but the dashboard writes to queues.
	if len(roles) > 0 && !slices.ContainsFunc(roles, func(r Role) bool { return r != RoleDashboard }) {
		keys = []string{"%R" + keys[0], "~" + deskPrefix(namespace) + "*"}
	}
	rules := slices.Concat([]string{"resetkeys"}, keys, []string{"resetchannels", "-@all"})
	for _, name := range slices.Concat(Commands(roles...), more) {
		rules = append(rules, "+"+name)
	}
	return rules, nil
}

func checkRoles(roles []Role) error {
	for _, role := range roles {
		if !slices.Contains(Roles(), role) {
			return fmt.Errorf("%w: role %q: want one of %v", ErrInvalid, role, Roles())
		}
	}
	return nil
}

// keyed is the key and what else a command is asked for with; those not named take a key alone. Those of the
// Desk do nothing to a key that is not there.
var keyed = map[string][]any{
	"info": {}, "ping": {}, "time": {}, "multi": {}, "exec": {}, "unwatch": {}, "scan": {"0"},
	"eval": {"return 1", "1", 0}, "evalsha": {"digest", "1", 0},
	"hget": {0, "a"}, "hmget": {0, "a"}, "hset": {0, "a", "1"}, "hdel": {0, "a"}, "hexists": {0, "a"}, "hscan": {0, "0"},
	"hincrby": {0, "a", "1"}, "lrange": {0, "0", "0"}, "lindex": {0, "0"}, "ltrim": {0, "0", "0"}, "rpush": {0, "a"},
	"lpush": {0, "a"}, "blpop": {0, "1"}, "sadd": {0, "a"}, "srem": {0, "a"}, "sismember": {0, "a"},
	"zadd": {0, "XX", "1", "a"}, "zrem": {0, "a"}, "zscore": {0, "a"}, "zmscore": {0, "a"}, "zscan": {0, "0"},
	"zcount": {0, "0", "1"}, "zrange": {0, "0", "0"}, "zrevrange": {0, "0", "0"}, "zrangebyscore": {0, "0", "1"},
	"zremrangebyrank": {0, "0", "0"}, "renamenx": {0, 0},
	"set": {0, "a", "XX"}, "append": {0, "a"}, "pexpire": {0, "1"}, "zremrangebyscore": {0, "0", "1"},
	"xadd": {0, "NOMKSTREAM", "*", "a", "1"}, "xrevrange": {0, "+", "-", "COUNT", "1"},
}

// probe is a command as it might be called, on key.
func probe(name, key string) []any {
	args, ok := keyed[name]
	if !ok {
		args = []any{0}
	}
	out := []any{name}
	for _, arg := range args {
		if arg == 0 {
			arg = key
		}
		out = append(out, arg)
	}
	return out
}

// mayText says which of the commands of ARGV, each a number of words and the words, the user may not call.
const mayText = `
local at, denied = 1, {}
while at <= #ARGV do
  if not redis.acl_check_cmd(unpack(ARGV, at + 1, at + ARGV[at])) then denied[#denied + 1] = ARGV[at + 1] end
  at = at + 1 + ARGV[at]
end
return denied`

// preflight asks which commands that the client's roles need the user may not call on a key of the
// namespace. An ACL that lacks one would otherwise be met in the middle of a script, after its first write.
func (c *Client) preflight(ctx context.Context) (denied []string, err error) {
	roles := c.cfg.Roles
	if len(roles) == 0 {
		roles = Roles()
	}
	probes := c.probes(roles)
	if slices.ContainsFunc(roles, func(r Role) bool { return len(needs[r].scripts) > 0 }) {
		return c.deniedOf(ctx, probes)
	}
	return c.deniedCalls(ctx, probes)
}

// probes are the commands that roles need, each on a key where they need it.
func (c *Client) probes(roles []Role) [][]any {
	desk := map[string]bool{}
	for _, role := range roles {
		for name := range strings.FieldsSeq(needs[role].desk) {
			desk[name] = true
		}
	}
	var out [][]any
	for _, name := range Commands(roles...) {
		key := c.cfg.Namespace + ":{preflight}:key"
		if desk[name] {
			key = deskPrefix(c.cfg.Namespace) + "preflight"
		}
		out = append(out, probe(name, key))
	}
	return out
}

func (c *Client) deniedOf(ctx context.Context, probes [][]any) ([]string, error) {
	var args []any
	for _, words := range probes {
		args = append(append(args, len(words)), words...)
	}
	key := c.cfg.Namespace + ":{preflight}:key"
	if err := c.rdb.EvalSha(ctx, strings.Repeat("0", 40), []string{key}).Err(); redis.HasErrorPrefix(err, "NOPERM") {
		return []string{"evalsha"}, nil
	}
	return c.rdb.Eval(ctx, mayText, []string{key}, args...).StringSlice()
}

// deniedCalls calls the commands, none of which changes anything: whoever may call no script has no other
// way to ask.
func (c *Client) deniedCalls(ctx context.Context, probes [][]any) ([]string, error) {
	pipe := c.rdb.Pipeline()
	calls := make([]*redis.Cmd, len(probes))
	for i, words := range probes {
		if words[0] != "multi" {
			calls[i] = pipe.Do(ctx, words...)
		}
	}
	_, _ = pipe.Exec(ctx) // each answers for itself
	var denied []string
	for i, words := range probes {
		if words[0] == "multi" {
			if slices.Contains(denied, "exec") {
				continue
			}
			calls[i] = c.askMulti(ctx)
		}
		if err := calls[i].Err(); redis.HasErrorPrefix(err, "NOPERM") {
			denied = append(denied, fmt.Sprint(words[0]))
		} else if err != nil && !isNil(err) && !redis.HasErrorPrefix(err, "EXEC without MULTI") {
			return nil, err
		}
	}
	return denied, nil
}

// askMulti calls MULTI, together with the EXEC without which it would hold the connection.
func (c *Client) askMulti(ctx context.Context) *redis.Cmd {
	node, err := c.nodeOf(ctx, deskPrefix(c.cfg.Namespace))
	if err != nil {
		node = c.rdb
	}
	pipe := node.Pipeline()
	call := pipe.Do(ctx, "multi")
	pipe.Do(ctx, "exec")
	_, _ = pipe.Exec(ctx)
	return call
}
