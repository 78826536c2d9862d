package main

import (
	"net/url"
	"strings"
)

// masked stands for a password.
const masked = "xxxxx"

// secretParameters are those of a Redis URL that hold a password.
var secretParameters = []string{"password", "sentinel_password"}

// secretSettings are those that are secrets as a whole.
var secretSettings = []string{"alarms.webhook_secret", "alarms.slack"}

// userinfo is the part of a URL between :// and the last @, which is where a password is, also one that
// should have been percent-encoded and makes the URL unreadable for net/url.
func userinfo(rawURL string) (before, info, after string) {
	start := strings.Index(rawURL, "://")
	if start < 0 {
		start = 0
	} else {
		start += len("://")
	}
	end := strings.LastIndex(rawURL, "@")
	if end < start {
		return rawURL, "", ""
	}
	return rawURL[:start], rawURL[start:end], rawURL[end:]
}

// maskURL is a URL that may be shown.
func maskURL(rawURL string) string {
	before, info, after := userinfo(rawURL)
	if user, _, found := strings.Cut(info, ":"); found {
		info = user + ":" + masked
	} else if info != "" {
		info = masked
	}
	return maskParameters(before + info + after)
}

func maskParameters(rawURL string) string {
	head, query, found := strings.Cut(rawURL, "?")
	if !found {
		return rawURL
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		for _, secret := range secretParameters {
			if strings.EqualFold(name, secret) {
				parts[i] = name + "=" + masked
			}
		}
	}
	return head + "?" + strings.Join(parts, "&")
}

// secretsOf is what no message may contain: the passwords in URLs, as they are written and decoded.
func secretsOf(cfg *config) []string {
	var out []string
	note := func(secret string) {
		if secret == "" {
			return
		}
		out = append(out, secret)
		if plain, err := url.PathUnescape(secret); err == nil && plain != secret {
			out = append(out, plain)
		}
	}
	note(cfg.alarms.webhookSecret)
	note(cfg.alarms.slack)
	for _, rawURL := range []string{cfg.redis, cfg.worker.post, cfg.alarms.smtp, cfg.alarms.webhook} {
		_, info, _ := userinfo(rawURL)
		_, password, found := strings.Cut(info, ":")
		if !found {
			password = info
		}
		note(password)
		_, query, _ := strings.Cut(rawURL, "?")
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			for _, secret := range secretParameters {
				if strings.EqualFold(name, secret) {
					note(value)
				}
			}
		}
	}
	return out
}

// redact is the last line of defence before an error is printed.
func (c *cli) redact(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, masked)
	}
	return text
}
