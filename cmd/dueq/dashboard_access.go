package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/redact"
)

// access is who may use the dashboard. Without a login it refuses an address that others can reach.
func (s *dashboardSettings) access() (access.Config, error) {
	var c access.Config
	var err error
	if c.Users, err = readUsers(s.usersFile); err != nil {
		return c, err
	}
	for _, text := range s.trustedProxies {
		prefix, err := parsePrefix(text)
		if err != nil {
			return c, fmt.Errorf("trusted proxy %q: want an address or a network such as 10.0.0.0/8", text)
		}
		c.Proxies = append(c.Proxies, prefix)
	}
	if s.proxySecretFile != "" {
		if c.Proxy.Secret, err = firstLine(s.proxySecretFile); err != nil {
			return c, fmt.Errorf("proxy secret: %w", err)
		}
	}
	c.Proxy.UserHeader, c.Proxy.Role = s.proxyUserHeader, access.Role(s.proxyRole)
	local, err := isLoopback(s.listen)
	switch {
	case err != nil:
		return c, err
	case c.Login():
	case local && !s.insecureNoAuth && s.publicURL == "" && len(s.hosts) == 0:
		c.Anonymous = access.Admin // whoever uses this machine; a proxy is not expected
	case local || s.insecureNoAuth:
		c.Anonymous = access.Viewer
	default:
		return c, fmt.Errorf("others can reach %s, and there is no login: name who may sign in with --users-file "+
			"(dueq dashboard user makes its lines), or listen on 127.0.0.1, or let everyone look with --insecure-no-auth", s.listen)
	}
	return c, nil
}

func (s *dashboardSettings) redact() redact.Config {
	c := redact.Config{Keys: s.redactKeys, Kinds: map[string]redact.Kind{}}
	for _, kind := range s.hiddenKinds {
		c.Kinds[kind] = redact.Kind{Hide: true}
	}
	return c
}

// readUsers reads a file of users. A file without any would be no login, which nobody means.
func readUsers(name string) ([]access.User, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	defer file.Close()
	users, err := access.ParseUsers(file)
	if err != nil {
		return nil, fmt.Errorf("users in %s: %w", name, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("users in %s: there are none; dueq dashboard user prints a line", name)
	}
	return users, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		return netip.PrefixFrom(addr, addr.BitLen()), err
	}
	return netip.ParsePrefix(text)
}

// firstLine is the secret in a file.
func firstLine(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
		return "", errors.Join(lines.Err(), fmt.Errorf("the first line of %s is empty", name))
	}
	return strings.TrimSpace(lines.Text()), nil
}
