package queue

import (
	"context"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

func (m *machine) deleteQueue(t *rapid.T) {
	force := rapid.IntRange(0, 3).Draw(t, "force") == 0 // seldom: it ends what a run has built up
	m.do(t, step{
		name: fmt.Sprint("delete ", force),
		call: func(*rapid.T) string {
			jobs, err := m.in.DeleteQueue(context.Background(), m.queue, force)
			return fmt.Sprint(jobs, " ", verdicts(err))
		},
		want: func(*rapid.T) string {
			jobs, err := m.model.deleteQueue(force)
			return fmt.Sprint(jobs, " ", verdicts(err))
		},
	})
}

// deleteQueue leaves nothing but the sequence of tokens.
func (m *model) deleteQueue(force bool) (int64, error) {
	there, kept := len(m.jobs), len(m.members("done"))
	switch {
	case there > kept && !force:
		return 0, ErrNotEmpty
	case !m.named:
		return 0, ErrUnknownQueue
	}
	anew := newModel(time.UnixMilli(m.now))
	anew.token, anew.named = m.token, false
	*m = *anew
	return int64(there), nil
}
