package queue

import (
	"context"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// act carries a verb out on some ids, in one call of its script.
func (m *machine) act(t *rapid.T, verb string, repeats bool, call func(id string) error, want func([]string) []error) {
	ids := m.ids(t)
	m.do(t, step{
		name: fmt.Sprint(verb, " ", ids), repeats: repeats,
		call: func(*rapid.T) string {
			return verdicts(gather(m.Client, m.queue, verb, len(ids), func(i int) error { return call(ids[i]) })...)
		},
		want: func(*rapid.T) string { return verdicts(want(ids)...) },
	})
}

func (m *machine) cancel(t *rapid.T) {
	m.act(t, "cancel", true, func(id string) error { return m.Cancel(context.Background(), m.queue, id) }, m.model.cancel)
}

func (m *machine) requeue(t *rapid.T) {
	m.act(t, "requeue", true, func(id string) error { return m.in.Requeue(context.Background(), m.queue, id) }, m.model.requeue)
}

func (m *machine) reschedule(t *rapid.T) {
	delay := someDelays.Draw(t, "delay")
	m.act(t, "reschedule", false,
		func(id string) error { return m.Reschedule(context.Background(), m.queue, id, delay) },
		func(ids []string) []error { return m.model.reschedule(ids, delay) })
}

func (m *machine) reap(t *rapid.T) {
	cfg := ReapConfig{Limit: someLimits.Draw(t, "limit"), MaxLost: rapid.IntRange(1, 3).Draw(t, "lost")}
	m.do(t, step{
		name: fmt.Sprintf("reap %+v", cfg),
		call: func(t *rapid.T) string {
			got, err := m.b.Reap(context.Background(), m.queue, cfg)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(got.Readied, " ", got.Buried, " ", shown(got.Next))
		},
		want: func(*rapid.T) string {
			want := m.model.reap(cfg)
			return fmt.Sprint(want.Readied, " ", want.Buried, " ", shown(want.Next))
		},
	})
}

func (m *machine) purge(t *rapid.T) {
	cfg := PurgeConfig{
		Limit:    someLimits.Draw(t, "limit"),
		DeadAge:  rapid.SampledFrom([]time.Duration{-1, 0, time.Minute}).Draw(t, "age"),
		DeadKeep: rapid.IntRange(-1, 2).Draw(t, "dead"), DoneKeep: rapid.IntRange(-1, 2).Draw(t, "done"),
	}
	m.do(t, step{
		name: fmt.Sprintf("purge %+v", cfg),
		call: func(t *rapid.T) string {
			got, err := m.b.Purge(context.Background(), m.queue, cfg)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(got.Dead, got.Done, got.Locks, got.Marks)
		},
		want: func(t *rapid.T) string {
			want, unjust := m.model.purge(cfg, m.keyspace(t))
			if len(unjust) > 0 {
				t.Fatalf("purged before its time: %v", unjust)
			}
			return fmt.Sprint(want.Dead, want.Done, want.Locks, want.Marks)
		},
	})
}
