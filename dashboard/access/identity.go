package access

import (
	"context"
	"path"
	"slices"
	"strings"
)

// Identity is who makes a request. Its zero value is nobody, who may do nothing.
type Identity struct {
	// Name is how the journal calls the person.
	Name string
	Role Role
	// Queues are patterns of the queues that the person may know of, as path.Match reads them: * for any
	// characters, ? for one. Empty: all queues.
	Queues []string
	// Session names the session that the request belongs to, for those who signed in here. It is no
	// secret: the cookie cannot be made of it.
	Session string

	// local says that the name is that of a user of Config.
	local bool
}

// May says whether the identity has a permission.
func (id Identity) May(p Permission) bool { return id.Role.May(p) }

// Sees says whether the identity may know of a queue.
func (id Identity) Sees(queue string) bool {
	if len(id.Queues) == 0 {
		return true
	}
	return slices.ContainsFunc(id.Queues, func(pattern string) bool {
		matches, err := path.Match(pattern, queue)
		return err == nil && matches
	})
}

// Scope is equal for identities that see the same queues by the same patterns, and empty for those who
// see all. What is rendered for one of them serves the others.
func (id Identity) Scope() string {
	patterns := slices.Clone(id.Queues)
	slices.Sort(patterns)
	return strings.Join(slices.Compact(patterns), " ")
}

type contextKey struct{}

// With returns a context whose requests are made by the identity. The dashboard trusts it as it is:
// only code of the same program can set it.
func With(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From returns who makes a request, and the zero Identity for nobody.
func From(ctx context.Context) Identity {
	id, _ := ctx.Value(contextKey{}).(Identity)
	return id
}

// known says whether a context has an identity.
func known(ctx context.Context) bool {
	_, ok := ctx.Value(contextKey{}).(Identity)
	return ok
}
