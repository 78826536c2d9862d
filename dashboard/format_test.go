package dashboard

import (
	"math"
	"testing"
	"time"
)

func TestFormatCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 15538: "15,538", 1234567: "1,234,567", -1234: "-1,234",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := formatCount(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestFormatRate(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{
		0: "0", -3: "0", 0.01: "<0.1", 0.05: "0.1", 4.2: "4.2", 9.94: "9.9", 9.96: "10", 41.4: "41", 1280: "1,280",
		math.Inf(1): "2,147,483,647",
	} {
		if got := formatRate(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	if got := formatRate(math.NaN()); got != "0" {
		t.Error(got)
	}
}

func TestFormatSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-1: "0 s", 0: "0 s", 1: "0.1 ms", 400 * time.Microsecond: "0.4 ms", 7 * time.Millisecond: "7.0 ms", 12 * time.Millisecond: "12 ms", 120 * time.Millisecond: "120 ms",
		999 * time.Millisecond: "999 ms", 4200 * time.Millisecond: "4.2 s", 9949 * time.Millisecond: "9.9 s",
		42 * time.Second: "42 s", 59999 * time.Millisecond: "59 s", 192 * time.Second: "3m12s", time.Hour: "1h00m",
		26*time.Hour - 1: "1d01h", 99 * time.Hour: "4d03h",
	} {
		if got := formatSpan(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		2 * time.Second: "2.0 s", 30 * time.Second: "30 s", 5 * time.Minute: "5 min", 2 * time.Hour: "2 h", 90 * time.Second: "1m30s",
	} {
		if got := formatLimit(d); got != want {
			t.Errorf("limit %v: %s, want %s", d, got, want)
		}
	}
}
