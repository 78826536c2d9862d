package queuetest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/queue/queuetest"
	"github.com/dueq-io/dueq/worker"
)

// shop is the program under test: it sends an SMS two hours after an order.
type shop struct {
	jobs *queue.Client
	down bool
}

func (s *shop) order(ctx context.Context, phone string) error {
	_, err := s.jobs.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "sms.send", Payload: []byte(phone), Delay: 2 * time.Hour})
	return err
}

func (s *shop) sendSMS(_ context.Context, d *queue.Delivery) error {
	if s.down {
		return worker.RetryIn(10*time.Minute, fmt.Errorf("the gateway is down"))
	}
	fmt.Printf("attempt %d: SMS to %s\n", d.Attempt, d.Payload)
	return nil
}

// t is a test's own *testing.T, which an example does not have.
type exampleT struct{ cleanups []func() }

func (t *exampleT) Helper()                   {}
func (t *exampleT) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Errorf(f string, a ...any) { fmt.Printf(f+"\n", a...) }
func (t *exampleT) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (t *exampleT) end() {
	for _, f := range t.cleanups {
		f()
	}
}

func Example() {
	t := &exampleT{}
	defer t.end()
	ctx := context.Background()

	q := queuetest.New(t)
	shop := &shop{jobs: q.Client}
	if err := shop.order(ctx, "+4930123456"); err != nil {
		t.Fatalf("%v", err)
	}
	queuetest.AssertEnqueued(t, q, queue.Job{
		Queue: "sms", Kind: "sms.send", Payload: []byte("+4930123456"), Delay: 2 * time.Hour,
	})

	handlers := queuetest.Handlers{"sms.send": shop.sendSMS}
	q.Advance(2*time.Hour - time.Minute)
	fmt.Println(q.RunDue(ctx, handlers), "ran a minute too early")

	shop.down = true
	q.Advance(time.Minute)
	fmt.Println(q.RunDue(ctx, handlers), "ran after two hours")
	fmt.Println("it is", q.Enqueued("sms")[0].State)

	shop.down = false
	q.Advance(10 * time.Minute)
	fmt.Println(q.RunDue(ctx, handlers), "ran ten minutes later")
	fmt.Println(len(q.Enqueued("sms")), "are left")
	// Output:
	// 0 ran a minute too early
	// 1 ran after two hours
	// it is retrying
	// attempt 2: SMS to +4930123456
	// 1 ran ten minutes later
	// 0 are left
}
