package load

import (
	"fmt"
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
