// Package queuetest is for the tests of programs that use dueq: an embedded queue whose clock the test
// moves, a way to run what is due without workers, and assertions on what was enqueued.
//
//	func TestReminder(t *testing.T) {
//		q := queuetest.New(t)
//		shop := shop.New(q.Client)
//
//		shop.Order(t.Context(), "+4930123456") // enqueues a reminder for two hours later
//
//		queuetest.AssertEnqueued(t, q, queue.Job{
//			Queue: "sms", Kind: "sms.send", Payload: []byte("+4930123456"), Delay: 2 * time.Hour,
//		})
//
//		send := queuetest.Handlers{"sms.send": shop.SendSMS}
//		q.Advance(2*time.Hour - time.Minute)
//		if n := q.RunDue(t.Context(), send); n != 0 {
//			t.Errorf("%d jobs ran before their time", n)
//		}
//		q.Advance(time.Minute)
//		if n := q.RunDue(t.Context(), send); n != 1 {
//			t.Errorf("%d jobs ran, want the reminder", n)
//		}
//	}
//
// RunDue settles jobs as a worker does: nil acks, an error is retried after the job's backoff,
// worker.RetryIn, worker.Snooze and worker.Dead do what they say. To test the worker itself, with its
// middleware, run it and a scheduler with q.Client: they follow Advance.
//
// Every Queue is a Redis of its own within the process, so tests can run in parallel. Nothing is kept.
package queuetest
