package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// health is the answer of /healthz.
type health struct {
	// Status is ok, or stopped when no collector runs.
	Status string `json:"status"`
	// SampleAgeMS is the age of the last good sample, null before the first.
	SampleAgeMS *int64 `json:"sample_age_ms"`
	// Missed is how many samples in a row Redis has not answered.
	Missed int `json:"missed"`
}

// serveHealth answers 200 while the collector runs, also when Redis is away: to restart the dashboard
// would not bring it back.
func (d *Dashboard) serveHealth(w http.ResponseWriter, _ *http.Request) {
	f := d.collector.latest.Load()
	answer, status := health{Status: "ok", Missed: f.missed}, http.StatusOK
	if !f.running {
		answer.Status, status = "stopped", http.StatusServiceUnavailable
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
