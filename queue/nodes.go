package queue

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// MemoryUse is how full a Redis server is.
type MemoryUse struct {
	// Used and Max are bytes; a Max of 0 is no limit.
	Used int64 `json:"used"`
	Max  int64 `json:"max"`
}

// Share is how much of Max is used, 0 to about 1; 0 where there is no limit.
func (m MemoryUse) Share() float64 {
	if m.Max <= 0 {
		return 0
	}
	return float64(m.Used) / float64(m.Max)
}

// Memory returns how full Redis is; of a Redis Cluster, its fullest master. The server of memory:// has no
// limit.
func (in *Inspector) Memory(ctx context.Context) (MemoryUse, error) {
	if in.c.embedded != nil {
		return MemoryUse{}, nil
	}
	var mu sync.Mutex
	var fullest MemoryUse
	look := func(ctx context.Context, node redis.UniversalClient) error {
		text, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		info := parseInfo(text)
		var use MemoryUse
		use.Used, _ = strconv.ParseInt(info["used_memory"], 10, 64)
		use.Max, _ = strconv.ParseInt(info["maxmemory"], 10, 64)
		mu.Lock()
		defer mu.Unlock()
		if fullest == (MemoryUse{}) || use.Share() > fullest.Share() {
			fullest = use
		}
		return nil
	}
	var err error
	if cluster, ok := in.c.rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return look(ctx, node) })
	} else {
		err = look(ctx, in.c.rdb)
	}
	if err != nil {
		_, err = classify(err)
		return MemoryUse{}, fmt.Errorf("read redis's memory: %w", err)
	}
	return fullest, nil
}
