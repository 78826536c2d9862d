package queue

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// memoryServer is the Redis of memory://: miniredis on a loopback port of its own choosing, behind a
// password that only this process knows.
type memoryServer struct {
	redis    *miniredis.Miniredis
	password string
}

func startMemory() (*memoryServer, error) {
	server := miniredis.NewMiniRedis()
	password := newID() + newID()
	server.RequireAuth(password)
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded redis: %w", err)
	}
	return &memoryServer{redis: server, password: password}, nil
}

func (m *memoryServer) options() *redis.Options {
	return &redis.Options{Addr: m.redis.Addr(), Password: m.password, Protocol: wireProtocol, DisableIdentity: true, MaxRetries: noRetries}
}

func (m *memoryServer) close() { m.redis.Close() }
