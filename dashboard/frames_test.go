package dashboard

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// noon is when the frames of these tests were sampled.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// frameOf is a running collector's frame of queues, sampled at noon.
func frameOf(queues ...queueState) *frame {
	return &frame{
		snapshot: snapshot{queues: queues, at: noon, took: 830 * time.Microsecond, running: true},
		made:     noon, replaced: make(chan struct{}),
	}
}

func stateOf(info queue.QueueInfo) queueState {
	return queueState{reading: reading{QueueInfo: info}}
}

// waves is a quarter of an hour of a flow that rises and falls.
func waves(in, out, failed float64) []flow {
	series := make([]flow, sparkSteps)
	for i := range series {
		wave := 1 + 0.5*math.Sin(float64(i)/6)
		series[i] = flow{In: in * wave, Out: out, Failed: failed * float64(i%3)}
	}
	return series
}

func busyFrame() *frame {
	sms := stateOf(queue.QueueInfo{
		Name: "sms", Delayed: 88310, Ready: 18, Leased: 11, Retrying: 4, Dead: 17, Done: 120, OldestReady: 1200 * time.Millisecond,
		NextDue: 40 * time.Millisecond,
	})
	sms.rate, sms.rateKnown, sms.hour.series = flow{In: 15.2, Out: 15, Failed: 0.04}, true, waves(15, 14, 0.1)
	callbacks := stateOf(queue.QueueInfo{
		Name: "callbacks", Delayed: 12004, Leased: 20, Retrying: 640, Done: 3, NextDue: 3 * time.Second, MaxLen: 1_000_000,
	})
	callbacks.rate, callbacks.rateKnown, callbacks.hour.series = flow{In: 81, Out: 80, Failed: 3.5}, true, waves(81, 80, 2)
	reports := stateOf(queue.QueueInfo{Name: "reports", Delayed: 512, Ready: 2, OldestReady: time.Hour, NextDue: 26 * time.Hour, Paused: true, Closed: true})
	return frameOf(callbacks, reports, sms).granting()
}

// granting gives a frame what pages wish for, and a fleet of nobody.
func (f *frame) granting() *frame {
	f.fleetKnown, f.now = true, f.at
	f.horizons, f.series = map[wish][]queue.Horizon{}, map[wish]queue.Series{}
	for _, r := range reaches {
		part := partOf(r, 40, 0, 700)
		part.Later.Delayed, part.Bars[1].Retrying = 90_000, 12
		for _, name := range []string{"", "sms"} {
			f.horizons[wish{wishHorizon, name, r.name}] = []queue.Horizon{*part}
		}
	}
	for _, r := range timeRanges {
		series := queue.Series{Step: r.step, Now: noon, Buckets: make([]queue.Bucket, 3)}
		for i := range series.Buckets {
			b := &series.Buckets[i]
			b.Start, b.Enqueued, b.Done, b.Lateness = noon.Add(time.Duration(i-3)*r.step), 60, int64(30*i), times(int64(i), time.Second)
		}
		for i := range f.queues {
			f.series[wish{wishSeries, f.queues[i].Name, r.name}] = series
		}
	}
	return f
}

func degradedFrame() *frame {
	callbacks := stateOf(queue.QueueInfo{
		Name: "callbacks", Delayed: 12004, Ready: 15520, Leased: 20, Retrying: 640, Dead: 17, NextDue: 3 * time.Second,
		OldestReady: 3*time.Minute + 12*time.Second,
	})
	callbacks.rate, callbacks.rateKnown, callbacks.hour.series = flow{In: 81, Out: 40, Failed: 3.5}, true, waves(81, 40, 2)
	sms := stateOf(queue.QueueInfo{Name: "sms", Delayed: 400, NextDue: -1, Overdue: 12, OverdueAge: 42 * time.Second})
	sms.rateKnown = true
	broken := queueState{reading: reading{QueueInfo: queue.QueueInfo{Name: "broken"}, err: fmt.Errorf("read: %w", queue.ErrWrongType)}}
	return frameOf(broken, callbacks, sms)
}

// awayFrame is a Redis that has not answered for 42 s.
func awayFrame() *frame {
	f := busyFrame()
	f.made, f.missed, f.err = noon.Add(42*time.Second), 40, fmt.Errorf("%w: dial tcp 10.1.2.3:6379: refused", queue.ErrUnavailable)
	return f
}

// hostile are strings that must reach no browser as anything but text. Queue names are checked by
// package queue, but the page does not rely on it.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`'><svg onload=alert(1)>`,
	"</td></tr></table><form action=//evil.example><button>Login",
	"line\nevent: fragment\ndata: <b>injected</b>",
	"return\revent: fragment\rdata: <b>injected</b>",
	"both\r\n\r\nevent: fragment\r\ndata: <b>injected</b>",
	"javascript:alert(1)",
	"{{.Namespace}} ${7*7} --> ]]>",
	"\x00\x1b[31m\xff\xfe",
	"\u202egnp.exe",
	"a\"b\\c\nd",
}

func hostileFrame() *frame {
	var queues []queueState
	for i, name := range hostile {
		q := stateOf(queue.QueueInfo{Name: name, Ready: 1, OldestReady: time.Duration(i) * time.Minute, NextDue: -1, Counts: map[string]int64{name: 7}})
		if i%3 == 0 {
			q.err = errors.New(name)
		}
		queues = append(queues, q)
	}
	return frameOf(queues...)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
