package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Proxy stands before a server and spoils what passes. Its methods are for one
// goroutine at a time; each harm lasts until Heal.
type Proxy struct {
	proxy *toxiproxy.Proxy
	harms int
}

// StartProxy starts a proxy on a free port of loopback.
func StartProxy(upstream string) (*Proxy, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "redis", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("node: start a proxy before %s: %w", upstream, err)
	}
	return &Proxy{proxy: p}, nil
}

// Addr returns host:port.
func (p *Proxy) Addr() string { return p.proxy.Listen }

// URL returns the address for queue.Open.
func (p *Proxy) URL() string { return "redis://" + p.Addr() }

// Delay delays every reply.
func (p *Proxy) Delay(by, jitter time.Duration) error {
	return p.harm("latency", map[string]int64{"latency": by.Milliseconds(), "jitter": jitter.Milliseconds()})
}

// Slice sends replies in pieces of about so many bytes, one after a pause each.
func (p *Proxy) Slice(size int, pause time.Duration) error {
	return p.harm("slicer", map[string]int64{
		"average_size": int64(size), "size_variation": int64(size / 2), "delay": pause.Microseconds(),
	})
}

// Throttle lets so many KB of replies pass in a second.
func (p *Proxy) Throttle(kilobytes int) error {
	return p.harm("bandwidth", map[string]int64{"rate": int64(kilobytes)})
}

// CutAfter closes each connection after so many bytes of replies.
func (p *Proxy) CutAfter(size int) error {
	return p.harm("limit_data", map[string]int64{"bytes": int64(size)})
}

// Reset resets connections after a while.
func (p *Proxy) Reset(after time.Duration) error {
	return p.harm("reset_peer", map[string]int64{"timeout": after.Milliseconds()})
}

// HalfOpen keeps connections open and lets no reply through.
func (p *Proxy) HalfOpen() error {
	return p.harm("timeout", map[string]int64{"timeout": 0})
}

func (p *Proxy) harm(kind string, attributes map[string]int64) error {
	p.harms++
	text, err := json.Marshal(map[string]any{
		"name": fmt.Sprintf("%s-%d", kind, p.harms), "type": kind, "stream": "downstream", "attributes": attributes,
	})
	if err != nil {
		return err
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
		return fmt.Errorf("node: %s at the proxy: %w", kind, err)
	}
	return nil
}

// Heal ends every harm.
func (p *Proxy) Heal(ctx context.Context) { p.proxy.Toxics.ResetToxics(ctx) }

// Close ends the proxy with its connections.
func (p *Proxy) Close() { p.proxy.Stop() }
