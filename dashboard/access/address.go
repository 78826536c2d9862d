package access

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// peer is the address at the other end of the connection, invalid where it is none.
func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap().WithZone("")
}

// among says whether an address is that of a trusted proxy.
func among(proxies []netip.Prefix, addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// client is the address that a request came from: that of the peer, or where it is a trusted proxy the
// last one in X-Forwarded-For that is none.
func client(proxies []netip.Prefix, r *http.Request) netip.Addr {
	addr := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !among(proxies, addr) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = before.Unmap().WithZone("")
	}
	return addr
}

// network is what the attempts of an address count for: one machine has all of an IPv6 /64.
func network(addr netip.Addr) string {
	const host6 = 64
	if addr.Is6() {
		if prefix, err := addr.Prefix(host6); err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}
