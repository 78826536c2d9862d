package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ServerInfo is one Redis server of the deployment, as it describes itself. Numbers that it does not tell
// are 0.
type ServerInfo struct {
	// Addr is where the client reaches it; empty where only a sentinel knows.
	Addr    string `json:"addr"`
	Version string `json:"version"`
	// Mode is standalone, sentinel, cluster or memory (the embedded one); Role master or slave.
	Mode string `json:"mode"`
	Role string `json:"role"`
	// RTT is how long a PING took, there and back.
	RTT    time.Duration `json:"rtt_ns"`
	Uptime time.Duration `json:"uptime_ns"`
	// Used is the memory in use, Peak the most that it ever was, Limit maxmemory, 0 for none; in bytes. Policy
	// is what happens at the limit: anything but noeviction throws jobs away.
	Used   int64  `json:"used_memory"`
	Peak   int64  `json:"used_memory_peak"`
	Limit  int64  `json:"maxmemory"`
	Policy string `json:"maxmemory_policy"`
	// Clients are connected, Blocked of them wait for something; Refused is how many came over the limit.
	Clients int64 `json:"connected_clients"`
	Blocked int64 `json:"blocked_clients"`
	Refused int64 `json:"rejected_connections"`
	// Keys are those of all databases, Commands how many it carries out a second.
	Keys     int64 `json:"keys"`
	Commands int64 `json:"instantaneous_ops_per_sec"`
	// AOF says that each write goes to a file. Troubled says that the last write of it or the last snapshot
	// failed. Unsaved is changes since the snapshot of Saved.
	AOF      bool      `json:"aof_enabled"`
	Troubled bool      `json:"persistence_failed"`
	Saved    time.Time `json:"rdb_last_save_time,omitzero"`
	Unsaved  int64     `json:"rdb_changes_since_last_save"`
	// Replicas are those connected, by address.
	Replicas []ReplicaInfo `json:"replicas,omitempty"`
	// Slots are the slots of a cluster that it owns, such as 0-5460.
	Slots []string `json:"slots,omitempty"`
	// Err is why the server could not be asked; nothing but Addr is known then.
	Err error `json:"-"`
}

// ReplicaInfo is a replica as its master sees it.
type ReplicaInfo struct {
	Addr  string `json:"addr"`
	State string `json:"state"`
	// Behind is bytes of the master's stream that it has not confirmed, Silence how long it has said nothing,
	// in whole seconds.
	Behind  int64         `json:"behind_bytes"`
	Silence time.Duration `json:"silence_ns"`
}

// MemoryShare is the part of Limit that is in use, 0 to about 1; 0 where there is no limit.
func (s *ServerInfo) MemoryShare() float64 {
	if s.Limit <= 0 {
		return 0
	}
	return float64(s.Used) / float64(s.Limit)
}

// Servers asks the server, or each master of a cluster, about itself. One that does not answer is in the
// result with its Err; the error of the call is that of a cluster whose masters cannot be told.
func (in *Inspector) Servers(ctx context.Context) ([]ServerInfo, error) {
	if in.c.embedded != nil {
		start := time.Now()
		err := in.c.rdb.Ping(ctx).Err()
		return []ServerInfo{{Version: "embedded", Mode: "memory", Role: "master", RTT: time.Since(start), Policy: "noeviction", Err: err}}, nil
	}
	cluster, ok := in.c.rdb.(*redis.ClusterClient)
	if !ok {
		return []ServerInfo{askServer(ctx, in.c.rdb, addrOf(in.c.rdb))}, nil
	}
	var mu sync.Mutex
	var out []ServerInfo
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		s := askServer(ctx, node, node.Options().Addr)
		mu.Lock()
		defer mu.Unlock()
		out = append(out, s)
		return nil
	})
	if err != nil {
		_, err = classify(err)
		return nil, fmt.Errorf("list the masters of the cluster: %w", err)
	}
	slices.SortFunc(out, func(a, b ServerInfo) int { return cmp.Compare(a.Addr, b.Addr) })
	slots, err := cluster.ClusterSlots(ctx).Result() //nolint:staticcheck // the client itself needs CLUSTER SLOTS, so its user may
	if err != nil {
		return out, nil //nolint:nilerr // what the servers said is worth more than the map
	}
	for _, span := range slots {
		for i := range out {
			if len(span.Nodes) > 0 && span.Nodes[0].Addr == out[i].Addr {
				out[i].Slots = append(out[i].Slots, fmt.Sprintf("%d-%d", span.Start, span.End))
			}
		}
	}
	return out, nil
}

// addrOf is where a client connects to, unless it asks a sentinel for that.
func addrOf(rdb redis.UniversalClient) string {
	single, ok := rdb.(*redis.Client)
	if !ok || single.Options().Addr == "FailoverClient" {
		return ""
	}
	return single.Options().Addr
}

func askServer(ctx context.Context, rdb redis.UniversalClient, addr string) ServerInfo {
	start := time.Now()
	err := rdb.Ping(ctx).Err()
	took := time.Since(start)
	var text string
	if err == nil {
		text, err = rdb.Info(ctx, "server", "clients", "memory", "persistence", "stats", "replication", "keyspace").Result()
	}
	if err != nil {
		_, err = classify(err)
		return ServerInfo{Addr: addr, Err: err}
	}
	s := readServer(parseInfo(text))
	s.Addr, s.RTT = addr, took
	return s
}

// readServer picks out of INFO what ServerInfo has a place for.
func readServer(info map[string]string) ServerInfo {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(info[name], 10, 64)
		return n
	}
	s := ServerInfo{
		Version: info["redis_version"], Mode: info["redis_mode"], Role: info["role"],
		Uptime: time.Duration(number("uptime_in_seconds")) * time.Second,
		Used:   number("used_memory"), Peak: number("used_memory_peak"), Limit: number("maxmemory"), Policy: info["maxmemory_policy"],
		Clients: number("connected_clients"), Blocked: number("blocked_clients"), Refused: number("rejected_connections"),
		Commands: number("instantaneous_ops_per_sec"), AOF: info["aof_enabled"] == "1", Unsaved: number("rdb_changes_since_last_save"),
	}
	for _, status := range []string{"aof_last_write_status", "rdb_last_bgsave_status"} {
		if value, ok := info[status]; ok && value != "ok" {
			s.Troubled = true
		}
	}
	if at := number("rdb_last_save_time"); at > 0 {
		s.Saved = time.Unix(at, 0).UTC()
	}
	for name, value := range info {
		if strings.HasPrefix(name, "db") {
			keys, _ := strconv.ParseInt(fieldsOf(value)["keys"], 10, 64)
			s.Keys += keys
		}
	}
	offset := number("master_repl_offset")
	for i := 0; ; i++ {
		line, ok := info["slave"+strconv.Itoa(i)]
		if !ok {
			break
		}
		replica := fieldsOf(line)
		seen, _ := strconv.ParseInt(replica["offset"], 10, 64)
		silence, _ := strconv.ParseInt(replica["lag"], 10, 64)
		s.Replicas = append(s.Replicas, ReplicaInfo{
			Addr: replica["ip"] + ":" + replica["port"], State: replica["state"], Behind: max(0, offset-seen),
			Silence: time.Duration(silence) * time.Second,
		})
	}
	return s
}

// fieldsOf reads a value such as keys=3,expires=0.
func fieldsOf(value string) map[string]string {
	out := map[string]string{}
	for field := range strings.SplitSeq(value, ",") {
		if name, text, ok := strings.Cut(field, "="); ok {
			out[name] = text
		}
	}
	return out
}
