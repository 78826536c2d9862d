package load

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The ID of a job is its number in the histories.
func idOf(seq uint32) string { return "j" + strconv.FormatUint(uint64(seq), 10) }

func seqOf(id string) (uint32, bool) {
	digits, ok := strings.CutPrefix(id, "j")
	seq, err := strconv.ParseUint(digits, 10, 32)
	return uint32(seq), ok && err == nil
}

// payloadOf is the payload of a job: bytes that no other job has, and no other length begins with.
func payloadOf(seq uint32, size int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint32(seed[:], seq)
	binary.LittleEndian.PutUint64(seed[8:], uint64(size))
	payload := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(payload) // it never fails
	return payload
}

// textOf is an argument of a call as Redis gets it.
func textOf(arg any) string {
	if s, ok := arg.(*string); ok {
		return *s
	}
	return fmt.Sprint(arg)
}

func numberOf(arg any) int {
	switch n := arg.(type) {
	case int:
		return n
	case int64:
		return int(n)
	case *int64:
		return int(*n)
	default:
		number, _ := strconv.Atoi(textOf(arg))
		return number
	}
}
