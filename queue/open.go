package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open connects to the Redis of a URL and checks that it is fit, with the default Config.
//
//	redis://[user:password@]host:6379/0       rediss:// for TLS
//	unix:///run/redis/redis.sock?db=0
//	redis+sentinel://[user:password@]host:26379,host:26379/mastername/0
//	redis+cluster://[user:password@]host:6379,host:6379
//	memory://                                 a server within this process; nothing is kept
//
// Parameters after ? are those of go-redis: dial_timeout, read_timeout, pool_size and so on; sentinel
// URLs also take sentinel_username and sentinel_password. It returns ErrInvalid for a bad URL,
// ErrUnavailable for a server that cannot be reached, and ErrUnfit for one that cannot keep the
// promises.
func Open(ctx context.Context, rawURL string) (*Client, error) {
	return Config{}.Open(ctx, rawURL)
}

// Open is the Open of the package with this Config.
func (c Config) Open(ctx context.Context, rawURL string) (*Client, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	client := &Client{cfg: c, owned: true}
	client.member = newMembership(client)
	if rawURL == "memory://" {
		server, err := startMemory()
		if err != nil {
			return nil, err
		}
		client.embedded = server
		client.rdb = redis.NewClient(server.options())
		return client, nil
	}
	rdb, err := dial(rawURL)
	if err != nil {
		return nil, err
	}
	client.rdb = rdb
	if err := client.start(ctx); err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	return client, nil
}

// New makes a Client of a go-redis client, which stays the caller's to close. Its MaxRetries should be
// -1: go-redis repeats calls whose outcome is unknown, which here may lease jobs that nobody runs
// until their lease is over.
func New(ctx context.Context, rdb redis.UniversalClient, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, rdb: rdb}
	c.member = newMembership(c)
	if single, ok := rdb.(*redis.Client); ok && single.Options().MaxRetries > 0 {
		cfg.Logger.Warn("go-redis repeats calls by itself; set MaxRetries: -1")
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// start runs the start-up checks.
func (c *Client) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	report, err := c.Check(ctx)
	if err != nil {
		return err
	}
	for _, warning := range report.Warnings {
		c.cfg.Logger.Warn("redis", "finding", warning)
	}
	if len(report.Fatal) == 0 {
		return nil
	}
	unfit := fmt.Errorf("%w: %s", ErrUnfit, strings.Join(report.Fatal, "; "))
	if c.cfg.AcceptDataLoss {
		c.cfg.Logger.Warn("redis is unfit, and that was accepted", "error", unfit)
		return nil
	}
	return unfit
}

const (
	// noRetries is go-redis's word for no retries of its own.
	noRetries = -1
	// wireProtocol is RESP2: dueq uses nothing of RESP3, whose push messages go-redis looks for before
	// each reply.
	wireProtocol = 2
)

// dial makes the go-redis client of a URL without connecting yet.
func dial(rawURL string) (redis.UniversalClient, error) {
	scheme, _, ok := strings.Cut(rawURL, "://")
	if !ok {
		return nil, badURL(rawURL, urlError("no scheme"))
	}
	if err := checkSizes(rawURL); err != nil {
		return nil, badURL(rawURL, err)
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch scheme {
	case "redis", "rediss", "unix":
		opt, err := redis.ParseURL(rawURL)
		if err != nil {
			return nil, badURL(rawURL, err)
		}
		opt.ContextTimeoutEnabled, opt.Protocol, opt.MaxRetries, opt.DialerRetries, opt.MaintNotificationsConfig = true, wireProtocol, noRetries, 1, quiet
		return redis.NewClient(opt), nil
	case "redis+sentinel", "rediss+sentinel":
		opt, err := sentinelOptions(rawURL)
		if err != nil {
			return nil, badURL(rawURL, err)
		}
		opt.ContextTimeoutEnabled, opt.Protocol, opt.MaxRetries, opt.DialerRetries = true, wireProtocol, noRetries, 1
		return redis.NewFailoverClient(opt), nil
	case "redis+cluster", "rediss+cluster":
		u, err := firstHostURL(rawURL, "addr")
		if err != nil {
			return nil, badURL(rawURL, err)
		}
		opt, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, badURL(rawURL, err)
		}
		opt.ContextTimeoutEnabled, opt.Protocol, opt.MaxRetries, opt.DialerRetries, opt.MaintNotificationsConfig = true, wireProtocol, noRetries, 1, quiet
		return redis.NewClusterClient(opt), nil
	default:
		return nil, badURL(rawURL, urlError("unknown scheme: want redis, rediss, unix, redis+sentinel, redis+cluster or memory"))
	}
}

// urlError is a cause in our own words, which quote nothing of the URL.
type urlError string

func (e urlError) Error() string { return string(e) }

// badURL names the cause, never the URL: it may hold a password. Where it does, a parser's words may hold
// it too (a bare / in a password makes a port of what stands before it), so only our own are passed on.
func badURL(rawURL string, err error) error {
	var ours urlError
	if !errors.As(err, &ours) && (strings.Contains(rawURL, "@") || strings.Contains(rawURL, "password")) {
		err = urlError("it cannot be read, and is not shown because it holds a password; " +
			"in a user or password, characters such as / ? # @ % are written as %2F %3F %23 %40 %25")
	}
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err
	}
	return fmt.Errorf("%w: redis url: %w", ErrInvalid, err)
}

// maxSize bounds the numbers of connections and bytes in a URL: go-redis panics for a negative one, and
// takes memory for a large one at once.
const maxSize = 1 << 20

func checkSizes(rawURL string) error {
	_, text, _ := strings.Cut(rawURL, "?")
	query, _ := url.ParseQuery(text) // what cannot be read is for go-redis to refuse
	for name, values := range query {
		if !strings.HasSuffix(name, "_size") && !strings.HasSuffix(name, "_conns") && !strings.HasSuffix(name, "_dials") {
			continue
		}
		for _, value := range values {
			if n, err := strconv.Atoi(value); err == nil && (n < 0 && name != "pipeline_pool_size" || n > maxSize) {
				return urlError("a size is below 0 or above " + strconv.Itoa(maxSize))
			}
		}
	}
	return nil
}

// firstHostURL turns scheme+form://a,b/path into scheme://a/path?more=b, the form that go-redis reads.
func firstHostURL(rawURL, more string) (*url.URL, error) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	scheme, _, _ = strings.Cut(scheme, "+")
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	userinfo, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		userinfo, hosts = authority[:i+1], authority[i+1:]
	}
	list := strings.Split(hosts, ",")
	u, err := url.Parse(scheme + "://" + userinfo + list[0] + tail)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	for _, host := range list[1:] {
		query.Add(more, host)
	}
	u.RawQuery = query.Encode()
	return u, nil
}

// sentinelOptions reads …/mastername/db, which go-redis wants as parameters. The user in the URL is
// the one of the Redis servers; the Sentinels' own comes as a parameter.
func sentinelOptions(rawURL string) (*redis.FailoverOptions, error) {
	u, err := firstHostURL(rawURL, "addr")
	if err != nil {
		return nil, err
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if master == "" {
		return nil, urlError("no master name: want redis+sentinel://host:26379/mastername")
	}
	query := u.Query()
	query.Set("master_name", master)
	if u.User != nil {
		query.Set("username", u.User.Username())
		password, _ := u.User.Password()
		query.Set("password", password)
	}
	u.User = nil
	if user, password := query.Get("sentinel_username"), query.Get("sentinel_password"); user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	u.RawQuery, u.Path = query.Encode(), "/"+db
	return redis.ParseFailoverURL(u.String())
}
