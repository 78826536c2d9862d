package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/redact"
	"github.com/dueq-io/dueq/queue"
)

// Config is how a Dashboard behaves. Every zero field is its default.
type Config struct {
	// BasePath is the path below which the dashboard is mounted, such as "/dueq": a leading slash, no
	// trailing one. The router in front must leave it on the request. Default: "", the root.
	BasePath string
	// Hosts are the host names, without port, under which the dashboard may be asked for, beside
	// localhost and loopback addresses: those in its public URL, and the one that Prometheus scrapes.
	// Others are refused, so that a web page cannot reach it by DNS rebinding. "*" allows every name.
	// Default: none.
	Hosts []string
	// PublicURL is where browsers find the root of the dashboard, such as https://ops.example/dueq. Its
	// host counts among Hosts; with https, cookies are only ever sent over TLS. Default: unknown.
	PublicURL string
	// Access is who may sign in, and how. Default: nobody needs to, and everyone may look.
	Access access.Config
	// ReadOnly leaves out every route that changes something, for everyone.
	ReadOnly bool
	// Redact is what is hidden of jobs beside what looks like a secret.
	Redact redact.Config
	// Source is a few words on every page about where the numbers come from. Default: that nothing is
	// kept, for a client of memory://, and otherwise nothing.
	Source string

	// Interval is how often Redis is sampled while someone watches, 100 ms to 1 min. Default: 1 s.
	Interval time.Duration
	// IdleInterval is how often Redis is sampled while nobody watches, Interval to 10 min. It is also
	// how old the numbers of /metrics may be. Default: 10 s.
	IdleInterval time.Duration
	// MaxStreams is how many event streams are open at most; a browser over it polls instead.
	// Default: 100. Negative: none.
	MaxStreams int
	// Thresholds are where the verdict turns.
	Thresholds Thresholds
	// QueueThresholds are those of single queues, by name or by a pattern with * and ?, of which the longest
	// that fits counts. Zero fields are as in Thresholds.
	QueueThresholds map[string]Thresholds
	// MemoryDegraded and MemoryDown are the share of Redis's maxmemory that may be in use, 0 to 1. Negative:
	// never. Default: 0.8 and 0.95.
	MemoryDegraded, MemoryDown float64

	// Logger receives a failing Redis at warn and its recovery at info, once each. Default:
	// slog.Default().
	Logger *slog.Logger
}

const (
	defaultInterval     = time.Second
	defaultIdleInterval = 10 * time.Second
	minInterval         = 100 * time.Millisecond
	maxInterval         = time.Minute
	maxIdleInterval     = 10 * time.Minute
	defaultMaxStreams   = 100

	nothingKept = "embedded Redis: nothing is kept when this process ends"
)

func (c Config) withDefaults(client *queue.Client) Config {
	if client.Embedded() {
		c.Source = cmp.Or(c.Source, nothingKept)
	}
	c.Interval = cmp.Or(c.Interval, defaultInterval)
	// Whoever samples seldom while watching does not sample more often while nobody does.
	c.IdleInterval = cmp.Or(c.IdleInterval, max(defaultIdleInterval, c.Interval))
	c.MaxStreams = max(cmp.Or(c.MaxStreams, defaultMaxStreams), 0)
	c.fillThresholds()
	if !c.Access.Login() {
		c.Access.Anonymous = cmp.Or(c.Access.Anonymous, access.Viewer)
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// secure says that browsers come by TLS.
func (c *Config) secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// origin is that of the pages, as browsers name it, empty where it is unknown.
func (c *Config) origin() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || c.PublicURL == "" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// hosts are all names under which the dashboard may be asked for, beside those of this machine.
func (c *Config) hosts() []string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || c.PublicURL == "" {
		return c.Hosts
	}
	return append(slices.Clone(c.Hosts), hostName(u.Host))
}

// checkPublicURL returns what is wrong with it.
func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		if c.Access.Authenticator != nil {
			return errors.New("an Authenticator needs PublicURL, to which browsers return")
		}
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("PublicURL: want something like https://ops.example/dueq")
	}
	if strings.TrimSuffix(u.Path, "/") != c.BasePath {
		return fmt.Errorf("PublicURL %q ends in another path than BasePath %q", c.PublicURL, c.BasePath)
	}
	return nil
}

// basePath has only characters that mean the same in a ServeMux pattern, a URL and an HTML attribute.
var basePath = regexp.MustCompile(`^(/[a-zA-Z0-9_.~-]+)*$`)

// validate returns all that is wrong, joined.
func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, invalid(format, args...)) }
	if !basePath.MatchString(c.BasePath) || (c.BasePath != "" && path.Clean(c.BasePath) != c.BasePath) {
		wrong("BasePath %q: want something like /dueq, of [a-zA-Z0-9_.~-] between slashes", c.BasePath)
	}
	if err := c.checkPublicURL(); err != nil {
		wrong("%w", err)
	}
	for _, host := range c.Hosts {
		if host == "" || strings.ContainsAny(host, "/ @") || (host != anyHost && hostName(host) != strings.ToLower(host)) {
			wrong("host %q: want a name without scheme, port or path", host)
		}
	}
	if c.Interval < minInterval || c.Interval > maxInterval {
		wrong("Interval %v: want %v to %v", c.Interval, minInterval, maxInterval)
	}
	if c.IdleInterval < c.Interval || c.IdleInterval > maxIdleInterval {
		wrong("IdleInterval %v: want %v to %v", c.IdleInterval, c.Interval, maxIdleInterval)
	}
	return errors.Join(append(errs, c.checkThresholds(), c.Access.Validate(), c.Redact.Validate())...)
}
