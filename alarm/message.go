package alarm

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Message is one message about an incident.
type Message struct {
	// ID is the same each time that this message is sent, and no other's.
	ID       string
	Event    Event
	Incident Incident
	// Namespace is that of the queues.
	Namespace string
	Facts     Facts
	// URL is the page to look at; empty: unknown.
	URL string
}

// compose writes the message of an incident's event.
func (w *Watcher) compose(ctx context.Context, i *Incident, event Event) *Message {
	m := &Message{ID: i.ID + "-" + string(event), Event: event, Incident: *i, Namespace: w.client.Namespace()}
	m.Incident.Deliveries = nil
	if w.cfg.PublicURL != "" {
		m.URL = PageURL(w.cfg.PublicURL, i.Queue)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if i.Rule.Signal != RedisAway {
		m.Facts = w.facts(ctx, i.Queue)
	}
	return m
}

// PageURL is the page of a dashboard at publicURL about a queue, or about alarms where it is "".
func PageURL(publicURL, name string) string {
	root := strings.TrimSuffix(publicURL, "/")
	if name == "" {
		return root + "/alerts"
	}
	return root + "/queue?name=" + url.QueryEscape(name)
}

// Subject is the message in one line.
func (m *Message) Subject() string {
	i := &m.Incident
	place, signal := i.Queue, i.Rule.Signal
	if place == "" {
		place = "Redis"
	}
	if m.Namespace != "dueq" && m.Namespace != "" {
		place = m.Namespace + "/" + place
	}
	if m.Event == Ended {
		return fmt.Sprintf("[dueq] %s: over: %s, after %s", place, signal.Words(), span(i.Ended.Sub(i.Since)))
	}
	if signal == NoWorker {
		return fmt.Sprintf("[dueq] %s: %s and no worker", place, plural(i.Value, "ready job"))
	}
	return fmt.Sprintf("[dueq] %s: %s %s (limit %s)", place, signal.Words(), signal.Format(i.Value), signal.Format(i.Rule.Above))
}

func plural(n float64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + " " + noun + "s"
}

const clockForm = "2006-01-02 15:04:05 MST"

// Text is the message for people, in lines of plain text.
func (m *Message) Text() string {
	i := &m.Incident
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	signal := i.Rule.Signal
	line("%s.", strings.TrimPrefix(m.Subject(), "[dueq] "))
	line("")
	if m.Event == Ended {
		row(&b, "began", i.Since.UTC().Format(clockForm))
		row(&b, "ended", i.Ended.UTC().Format(clockForm))
		row(&b, "at worst", signal.Format(i.Peak)+", limit "+signal.Format(i.Rule.Above))
	} else {
		row(&b, "since", i.Since.UTC().Format(clockForm))
		row(&b, "rule", fmt.Sprintf("%s: above %s for %s, ends at %s", i.Rule.Name, signal.Format(i.Rule.Above), span(i.Rule.For), signal.Format(i.Rule.Clear)))
	}
	if i.Queue != "" {
		row(&b, "queue", i.Queue)
	}
	if i.Note != "" {
		row(&b, "note", i.Note)
	}
	m.writeFacts(&b)
	if m.Event == Opened {
		line("")
		line("What to do next")
		for _, step := range m.next() {
			line("- %s", step)
		}
	}
	if m.URL != "" {
		line("")
		line("%s", m.URL)
	}
	return b.String()
}

func row(b *strings.Builder, name, text string) { fmt.Fprintf(b, "  %-13s %s\n", name, text) }

// writeFacts writes how things are.
func (m *Message) writeFacts(b *strings.Builder) {
	f := &m.Facts
	if f.At.IsZero() {
		return
	}
	fmt.Fprintf(b, "\nAt %s\n", f.At.UTC().Format(clockForm))
	if m.Incident.Queue != "" {
		q := &f.Queue
		for _, state := range []struct {
			name  string
			depth int64
		}{
			{"depth", q.Ready}, {"leased", q.Leased}, {"delayed", q.Delayed}, {"retrying", q.Retrying}, {"dead", q.Dead},
		} {
			row(b, state.name, strconv.FormatInt(state.depth, 10))
		}
		row(b, "oldest ready", ageOr(q.Ready, q.OldestReady))
		row(b, "overdue", strconv.FormatInt(q.Overdue, 10)+", oldest "+ageOr(q.Overdue, q.OverdueAge))
		row(b, "workers", fmt.Sprintf("%d, %d of %d slots busy", f.Workers, f.Busy, f.Slots))
		a := &f.Recent
		row(b, "rate", fmt.Sprintf("%.1f/s in, %.1f/s done, %.1f/s failed", a.PerSecond(a.Enqueued), a.PerSecond(a.Done), a.PerSecond(a.Failed)))
		if q.Paused {
			row(b, "paused", "yes: workers get no jobs")
		}
	}
	if f.Redis.Limit > 0 {
		const mib = 1 << 20
		row(b, "Redis", fmt.Sprintf("%d of %d MiB used, %s", f.Redis.Used/mib, f.Redis.Limit/mib, RedisMemory.Format(f.Redis.MemoryShare())))
	}
}

func ageOr(n int64, age time.Duration) string {
	if n == 0 {
		return "none"
	}
	return span(age)
}

// next says what to do.
func (m *Message) next() []string {
	name := m.Incident.Queue
	switch m.Incident.Rule.Signal {
	case Overdue:
		return []string{
			"Nothing promotes due jobs, or too slowly: see that a dueq scheduler, or a worker with one, runs.",
			"dueq doctor says whether Redis is well.",
		}
	case ErrorRate:
		return []string{
			"See what fails: dueq jobs " + name + " --state retrying",
			"If what the handler calls is down, dueq pause " + name + " keeps attempts from being used up.",
		}
	case DeadGrowth:
		return []string{
			"See what died and why: dueq jobs " + name + " --state dead",
			"When the cause is mended: dueq requeue " + name + " --all",
		}
	case RedisMemory:
		return []string{
			"At its limit Redis refuses producers; no job that it has is lost.",
			"Raise maxmemory, or make room: dueq queues shows where the jobs are, dueq purge removes dead and done ones.",
		}
	case RedisAway:
		return []string{
			"See that Redis runs and can be reached from here: dueq doctor",
			"Every watcher says this by itself, and can say no more while Redis is away.",
		}
	default:
		return m.nextOfBacklog()
	}
}

// nextOfBacklog tells what the workers' numbers hint at.
func (m *Message) nextOfBacklog() []string {
	f, name := &m.Facts, m.Incident.Queue
	switch {
	case f.At.IsZero():
		return []string{"See the queue and its workers: dueq queues " + name}
	case f.Queue.Paused:
		return []string{"The queue is paused. To let workers go on: dueq resume " + name}
	case f.Workers == 0:
		return []string{
			"No worker serves the queue: start one, or see why they have stopped.",
			"A worker of a misspelt queue looks alive: compare the names.",
		}
	case f.Busy >= f.Slots:
		return []string{
			"All slots are busy: add workers or raise their concurrency, or find which jobs take long: dueq jobs " + name + " --state leased",
		}
	default:
		return []string{"Workers have free slots and do not take the jobs: see their logs, and their other queues of more weight."}
	}
}

// TestMessage is a message about nothing, to see whether a sender reaches people.
func TestMessage(namespace string) *Message {
	now := time.Now().UTC()
	return &Message{
		ID: newID() + "-" + string(Opened), Event: Opened, Namespace: namespace,
		Incident: Incident{
			ID: newID(), Rule: Rule{Name: "test", Signal: RedisAway}, Since: now, Opened: now,
			Note: "this is a test: nothing is wrong",
		},
	}
}
