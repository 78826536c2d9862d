package alarm

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Facts are how things are when a message is written.
type Facts struct {
	// At is when they were read, by Redis's clock; zero: they could not be.
	At time.Time
	// Queue, and Recent, its last minute, are of an incident of a queue.
	Queue  queue.QueueInfo
	Recent queue.Activity
	// Workers is how many workers serve the queue, with so many Slots, of which so many are Busy.
	Workers, Slots, Busy int
	// Redis is the server, of a cluster the fullest.
	Redis queue.ServerInfo
}

// factWindow is what the rates in a message are of.
const factWindow = time.Minute

// facts reads what is worth telling. A message that lacks them is better than none.
func (o *observer) facts(ctx context.Context, name string) Facts {
	var f Facts
	sheet, err := o.client.Desk().Sheet(ctx, sheetName)
	if err != nil {
		return f
	}
	if f.Redis, err = o.fullest(ctx); err != nil {
		return f
	}
	if name == "" {
		f.At = sheet.Now
		return f
	}
	if f.Queue, err = o.inspector.Queue(ctx, name); err != nil {
		return f
	}
	if recent, err := o.inspector.Activity(ctx, factWindow, name); err == nil && len(recent) == 1 {
		f.Recent = recent[0]
	}
	if workers, err := o.inspector.Workers(ctx); err == nil {
		for i := range workers {
			if serves(&workers[i], name) {
				f.Workers++
				f.Slots += workers[i].Concurrency
				f.Busy += workers[i].Busy
			}
		}
	}
	f.At = sheet.Now
	return f
}
