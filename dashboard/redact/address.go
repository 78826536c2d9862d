package redact

import (
	"regexp"
	"strings"
)

// addresses are URLs.
var addresses = regexp.MustCompile("[a-zA-Z][a-zA-Z0-9+.\\-]{0,31}:(?://|\\\\/\\\\/)[^\\s\"'<>`]+")

// address hides the user, the values of the query and the fragment of a URL. Its host and path stay.
func address(raw string) string {
	mark := "://"
	scheme, rest, ok := strings.Cut(raw, mark)
	if !ok {
		mark = `:\/\/`
		scheme, rest, _ = strings.Cut(raw, mark)
	}
	rest, fragment, hasFragment := strings.Cut(rest, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	if strings.Contains(query+fragment, "@") && !strings.Contains(rest, "/") {
		// No path: what looks like a query or fragment may be a password with a ? or # in it.
		rest, hasQuery, hasFragment = hidden, false, false
	}
	out := scheme + mark + withoutUser(rest)
	if hasQuery {
		out += "?" + withoutValues(query)
	}
	if hasFragment {
		out += "#" + hidden
	}
	return out
}

// withoutUser hides what stands before the host.
func withoutUser(rest string) string {
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		return hidden + rest[at:]
	}
	// A colon without a port behind it, and an @ later: a password with a / in it.
	_, port, colon := strings.Cut(strings.TrimSuffix(authority, `\`), ":")
	if colon && strings.Contains(path, "@") && strings.Trim(port, "0123456789") != "" {
		return hidden + rest[strings.LastIndex(rest, "@"):]
	}
	return rest
}

// parameter is the name of one that may be seen.
var parameter = regexp.MustCompile(`^[A-Za-z0-9_.\-\[\]]{1,40}$`)

// withoutValues hides the values of a query, and what has no name.
func withoutValues(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, valued := strings.Cut(pair, "=")
		if pairs[i] = hidden; valued && parameter.MatchString(name) {
			pairs[i] = name + "=" + hidden
		}
	}
	return strings.Join(pairs, "&")
}
