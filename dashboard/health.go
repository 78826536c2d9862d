package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// health is the answer of /healthz and /readyz.
type health struct {
	// Status is ok, or why it is not.
	Status string `json:"status"`
	// SampleAgeMS is the age of the last good sample, null before the first.
	SampleAgeMS *int64 `json:"sample_age_ms"`
	// Missed is how many samples in a row Redis has not answered.
	Missed int `json:"missed"`
}

const healthOK, healthStopped, healthStarting, healthAway = "ok", "stopped", "starting", "redis is away"

// serveHealth answers 200 while the collector runs, also when Redis is away: to restart the dashboard
// would not bring it back.
func (d *Dashboard) serveHealth(w http.ResponseWriter, _ *http.Request) {
	f := d.collector.latest.Load()
	if !f.running {
		writeHealth(w, f, healthStopped)
		return
	}
	writeHealth(w, f, healthOK)
}

// serveReady answers 200 while there is something good to show: 503 also when Redis is away, or was not
// asked yet.
func (d *Dashboard) serveReady(w http.ResponseWriter, _ *http.Request) {
	f := d.collector.latest.Load()
	switch {
	case !f.running:
		writeHealth(w, f, healthStopped)
	case f.err != nil || f.missed >= missedUntilStale:
		writeHealth(w, f, healthAway)
	case f.at.IsZero():
		writeHealth(w, f, healthStarting)
	default:
		writeHealth(w, f, healthOK)
	}
}

func writeHealth(w http.ResponseWriter, f *frame, word string) {
	answer, status := health{Status: word, Missed: f.missed}, http.StatusServiceUnavailable
	if word == healthOK {
		status = http.StatusOK
	}
	if !f.at.IsZero() {
		ms := time.Since(f.at).Milliseconds()
		answer.SampleAgeMS = &ms
	}
	writeJSON(w, status, answer)
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, fmt.Sprintf("encode: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
