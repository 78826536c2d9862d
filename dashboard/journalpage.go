package dashboard

import (
	"context"
	"net/url"

	"github.com/dueq-io/dueq/queue"
)

// journalPage is what the page of that name shows.
type journalPage struct {
	Rows []journalRow
	// Next and First are the addresses of other pages; empty: there is none.
	Next, First string
}

type journalRow struct {
	queue.JournalEntry
	When *moment
	Did  phrase
}

// journalOnPage is how many entries a page has.
const journalOnPage = 100

func (d *Dashboard) journalData(ctx context.Context, v *view) (any, error) {
	before := field(v.query, "before")
	entries, next, err := v.journal(ctx, before, journalOnPage)
	if err != nil {
		return nil, err
	}
	p := &journalPage{}
	for i := range entries {
		e := &entries[i]
		p.Rows = append(p.Rows, journalRow{JournalEntry: *e, When: newMoment(e.Time, v.now), Did: deedWord(e.Action)})
	}
	if next != "" {
		p.Next = "journal?" + url.Values{"before": {next}}.Encode()
	}
	if before != "" {
		p.First = "journal"
	}
	return p, nil
}

// deedWord is what an action of the journal is called.
func deedWord(action string) phrase {
	if a := actOf(action); a != nil {
		return a.word
	}
	switch action {
	case "pause":
		return say("Pause workers")
	case "resume":
		return say("Resume workers")
	case "close":
		return say("Stop intake")
	case "open":
		return say("Open intake")
	case "limit":
		return say("Limit of jobs")
	case deletedQueue:
		return say("Delete the queue")
	case signedIn:
		return say("Sign in")
	case signedOut:
		return say("Sign out")
	case endedSession:
		return say("End a session")
	case revealed:
		return say("Reveal")
	default:
		return say("%s", action)
	}
}
