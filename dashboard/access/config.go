package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path"

	"github.com/dueq-io/dueq/queue"
)

// Config is who may sign in, and how. With its zero value nobody needs to, and everyone is a viewer.
type Config struct {
	// Users are the people who sign in with a password, and those whom a proxy vouches for and who are
	// to have a role of their own.
	Users []User
	// Authenticator signs people in elsewhere. Default: none.
	Authenticator Authenticator
	// Proxies are the addresses of proxies in front, whose X-Forwarded-For is believed. Default: none.
	Proxies []netip.Prefix
	// Proxy lets one of Proxies say who makes a request. Default: it may not.
	Proxy ProxyLogin
	// Anonymous is the role of those who have not signed in, where nobody can sign in. Default: Viewer.
	// Where there is a login it must be empty: whoever has not signed in may do nothing.
	Anonymous Role
}

// ProxyLogin is how a trusted proxy says who makes a request.
type ProxyLogin struct {
	// Secret is what the proxy sends in SecretHeader, 16 characters at least. Empty: no proxy login.
	Secret string
	// UserHeader has the name of the user. Default: X-Forwarded-User.
	UserHeader string
	// SecretHeader has the Secret. Default: X-Dueq-Proxy-Secret.
	SecretHeader string
	// Role is that of users who are not among Config.Users. Default: none, so that they are refused.
	Role Role
}

// Authenticator signs people in by another system than the login form: an OpenID provider, or a
// company's own. examples/oidc is one.
type Authenticator interface {
	// Label is the text of its link on the login page.
	Label() string
	// Start sends the browser away to sign in there and then to return to callback, a whole URL. It
	// answers the request.
	Start(w http.ResponseWriter, r *http.Request, callback string) error
	// Finish says who has returned to callback. It may set headers, such as a cookie of Start's that
	// is used up, but leaves the answer to the dashboard. An error goes to the log, not to the browser.
	Finish(w http.ResponseWriter, r *http.Request, callback string) (Identity, error)
}

// Login says whether there is a way to sign in, so that nobody may do anything without.
func (c *Config) Login() bool {
	return len(c.Users) > 0 || c.Authenticator != nil || c.Proxy.Secret != ""
}

const (
	defaultUserHeader   = "X-Forwarded-User"
	defaultSecretHeader = "X-Dueq-Proxy-Secret"
	minSecret           = 16
)

// Validate returns all that is wrong, joined, as queue.ErrInvalid.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...))
	}
	names := map[string]bool{}
	for _, u := range c.Users {
		if err := u.validate(); err != nil {
			wrong("user %q: %v", u.Name, err)
		}
		if names[u.Name] {
			wrong("user %q stands there twice", u.Name)
		}
		names[u.Name] = true
	}
	if c.Proxy.Secret != "" {
		if len(c.Proxies) == 0 {
			wrong("a proxy secret without the addresses of proxies")
		}
		if len(c.Proxy.Secret) < minSecret {
			wrong("a proxy secret of %d characters: want at least %d", len(c.Proxy.Secret), minSecret)
		}
	}
	if c.Proxy.Role != "" && !c.Proxy.Role.Valid() {
		wrong("role %q: want one of %v", c.Proxy.Role, Roles())
	}
	switch {
	case c.Anonymous != "" && c.Login():
		wrong("Anonymous is %s though there is a login", c.Anonymous)
	case c.Anonymous != "" && !c.Anonymous.Valid():
		wrong("role %q: want one of %v", c.Anonymous, Roles())
	}
	return errors.Join(errs...)
}

// checkPatterns returns what is wrong with patterns of queues.
func checkPatterns(patterns []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("queue pattern %q: want a name with * and ?", pattern)
		}
	}
	return nil
}
