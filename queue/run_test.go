package queue

import (
	"testing"
	"time"
)

// The pauses grow, and stay between bounds for any number of retries; by default they last for longer
// than the 2 s that a call has to outlast.
func TestRetryPauses(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for attempt := range 200 {
		d := retryPause(attempt)
		if attempt < defaultRetries {
			sum += d
		}
		if d < firstBackoff*4/5 || d > maxBackoff*6/5 || attempt >= 3 && d < maxBackoff*4/5 {
			t.Errorf("pause %d is %v", attempt, d)
		}
	}
	if sum < 2*time.Second || sum > 4*time.Second {
		t.Errorf("the default retries last for %v, want about 3 s", sum)
	}
}
