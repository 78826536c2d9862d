package dashboard

import (
	"net/url"
	"strconv"

	"github.com/dueq-io/dueq/queue"
)

// outcome is how many jobs something was done to, and how many had moved on before.
type outcome struct{ done, moved int64 }

func (o *outcome) add(errs []error) error {
	for _, err := range errs {
		switch {
		case err == nil:
			o.done++
		case refused(err):
			o.moved++
		default:
			return err
		}
	}
	return nil
}

// withDid adds to an address what was done, for the page there to tell it. What it tells is made of
// numbers and words of this package only, whatever stands in the address.
func withDid(address, did string, o outcome) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	query := u.Query()
	query.Set("did", did)
	query.Set("done", strconv.FormatInt(o.done, 10))
	query.Set("moved", strconv.FormatInt(o.moved, 10))
	u.RawQuery = query.Encode()
	return u.String()
}

// didPhrase says what was just done, by what withDid has added; nothing where it has not.
func didPhrase(query url.Values) phrase {
	if said, ok := switchWords[query.Get("did")]; ok {
		return said
	}
	a := actOf(query.Get("did"))
	done, errDone := strconv.ParseInt(query.Get("done"), 10, 32)
	moved, errMoved := strconv.ParseInt(query.Get("moved"), 10, 32)
	switch {
	case a == nil || errDone != nil || errMoved != nil:
		return phrase{}
	case done == 1 && moved == 0:
		return a.did
	case done == 0 && moved == 1:
		return say("Nothing was done: the job had moved on meanwhile.")
	default:
		return say("%s: %s done, %s had moved on.", a.word, formatCount(done), formatCount(moved))
	}
}

// switchWords say what was just done to a queue.
var switchWords = map[string]phrase{
	"pause":  say("The queue is paused: workers get no jobs of it. Those that run go on."),
	"resume": say("Workers get jobs of the queue again."),
	"close":  say("The intake is closed: producers are refused. Jobs that are there go on."),
	"open":   say("The intake is open again."),
	"limit":  say("The limit is set."),

	deletedQueue: say("The queue is deleted."),
}

// landingOf is where to go after something was done to a single job: it may be gone.
func landingOf(name string, seen queue.Seen, back string, final bool) string {
	if !final || seen.State == queue.Leased {
		return back
	}
	return queueLink(name, seen.State)
}
