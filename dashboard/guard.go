package dashboard

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// contentSecurity lets the browser run and show only what this package embeds. The one policy of
// Trusted Types is that of live.js, which turns fragments that the server has rendered into elements.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types dueq"

// secured sets the headers that every answer has, also those of unknown paths and refused methods.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurity)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// anyHost in Config.Hosts allows every name.
const anyHost = "*"

// forHosts refuses requests under a name that is not of this machine and not in hosts. A page that has
// its own name resolve to this machine would otherwise read the dashboard as its own origin.
func forHosts(hosts []string, next http.Handler) http.Handler {
	allowed := make([]string, len(hosts))
	for i, host := range hosts {
		allowed[i] = strings.ToLower(host)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostName(r.Host)
		if !isLoopback(name) && !slices.Contains(allowed, name) && !slices.Contains(allowed, anyHost) {
			http.Error(w, "This host name is not one under which the dashboard may be asked for. "+
				"Use localhost, or have the name added to the dashboard's list of hosts.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName is a Host header without its port, in lower case.
func hostName(host string) string {
	if rest, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(rest, "]")
	} else if strings.Count(host, ":") == 1 {
		host, _, _ = strings.Cut(host, ":")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isLoopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}
