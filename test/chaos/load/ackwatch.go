package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// ackWatch notes what Redis answered to each ack, below the library that is on trial.
type ackWatch struct{ seen *history.Writer }

func (a ackWatch) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a ackWatch) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (a ackWatch) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if reply, ok := cmd.(*redis.Cmd); ok && err == nil && isAck(cmd.Args()) {
			a.note(cmd.Args(), reply.Val())
		}
		return err
	}
}

// isAck knows the call by its keys: no other verb touches both the leases and the marks.
func isAck(args []any) bool {
	if len(args) < 3 || !strings.HasPrefix(fmt.Sprint(args[0]), "eval") {
		return false
	}
	leased, marks := false, false
	for _, arg := range args[3:min(len(args), 3+numberOf(args[2]))] {
		key, _ := arg.(string)
		leased = leased || strings.HasSuffix(key, ":leased")
		marks = marks || strings.HasSuffix(key, ":marks")
	}
	return leased && marks
}

// note reads the pairs of id and token behind the shift of time and the specs; the reply holds the
// position and the code of each that was refused.
func (a ackWatch) note(args []any, reply any) {
	pairs := args[3+numberOf(args[2])+2:]
	refused := map[int]bool{}
	codes, _ := reply.([]any)
	for i := 0; i+1 < len(codes); i += 2 {
		refused[numberOf(codes[i])] = true
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		record := history.Record{Type: history.AckOK, Token: int64(numberOf(pairs[i+1]))}
		if refused[i/2+1] {
			record.Type = history.AckRefused
		}
		var known bool
		if record.Seq, known = seqOf(textOf(pairs[i])); known {
			a.seen.Add(record)
		}
	}
}
