package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/dueq-io/dueq/queue"
)

// What new hashes cost: the least that OWASP asks of argon2id, so that a login is paid with 19 MiB.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	saltBytes   = 16
	keyBytes    = 32
)

// What a hash from elsewhere may cost: it decides how much memory a login takes.
const (
	maxHashMemory  = 64 << 10 // KiB
	maxHashTime    = 10
	maxHashThreads = 4
	maxSaltBytes   = 64
)

const (
	// MinPassword is the least length of a password, in bytes.
	MinPassword = 8
	// MaxPassword is the greatest.
	MaxPassword = 1024
)

// hash is a parsed argon2id hash.
type hash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// Hash returns the argon2id hash of a password, as users of Config have it. It returns queue.ErrInvalid
// for a password under MinPassword or over MaxPassword bytes.
func Hash(password string) (string, error) {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return "", fmt.Errorf("%w: password of %d bytes: want %d to %d", queue.ErrInvalid, len(password), MinPassword, MaxPassword)
	}
	h := hash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, saltBytes)}
	_, _ = rand.Read(h.salt) // never fails
	h.key = h.derive(password, keyBytes)
	return h.String(), nil
}

func (h *hash) derive(password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, length)
}

// String is the form that password files have.
func (h *hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// matches takes the same time whatever the password.
func (h *hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, uint32(len(h.key))), h.key) == 1
}

var errNoHash = errors.New("want an argon2id hash as dueq dashboard user prints it")

func parseHash(text string) (*hash, error) {
	parts := strings.Split(text, "$")
	const fields = 6 // the first is empty
	if len(parts) != fields || parts[0] != "" || parts[1] != "argon2id" {
		return nil, errNoHash
	}
	var h hash
	version := 0
	costs := "m=%d,t=%d,p=%d"
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return nil, errNoHash
	}
	if _, err := fmt.Sscanf(parts[3], costs, &h.memory, &h.time, &h.threads); err != nil || fmt.Sprintf(costs, h.memory, h.time, h.threads) != parts[3] {
		return nil, errNoHash
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(h.salt) < saltBytes/2 || len(h.salt) > maxSaltBytes || len(h.key) != keyBytes {
		return nil, errNoHash
	}
	if h.memory < hashMemory || h.memory > maxHashMemory || h.time < 1 || h.time > maxHashTime || h.threads < 1 || h.threads > maxHashThreads {
		return nil, fmt.Errorf("a hash with %s: want m of %d to %d, t of 1 to %d, p of 1 to %d",
			parts[3], hashMemory, maxHashMemory, maxHashTime, maxHashThreads)
	}
	return &h, nil
}
