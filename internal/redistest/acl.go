package redistest

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// aclVariable holds rules of ACL SETUSER under which what a test opens by a server's URL is to run. Client
// stays the one of an administrator, who may do all.
const aclVariable = "REDISTEST_ACL"

const restricted = "restricted"

// Restricts says whether a user is the one that may do no more than the rules say.
func Restricts(user string) bool { return user == restricted }

// restrict makes the user of URL, on servers with a socket and without a password of their own.
func (s *Server) restrict() error {
	rules := strings.Fields(os.Getenv(aclVariable))
	if len(rules) == 0 || s.port != 0 {
		return nil
	}
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer client.Close()
	const password = "redistest"
	words := []any{"ACL", "SETUSER", restricted, "on", ">" + password}
	for _, rule := range rules {
		words = append(words, rule)
	}
	err := client.Do(context.Background(), words...).Err()
	if redis.HasErrorPrefix(err, "NOAUTH") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("redistest: rules of %s: %w", aclVariable, err)
	}
	s.userinfo = restricted + ":" + password + "@"
	return nil
}
