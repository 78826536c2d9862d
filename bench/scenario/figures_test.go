package scenario

import "testing"

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[99-i] = float64(i + 1)
	}
	for _, c := range []struct {
		samples []float64
		p, want float64
	}{
		{[]float64{3, 1, 2}, 50, 2},
		{[]float64{4, 1, 2, 3}, 50, 2.5},
		{hundred, 99, 99},
		{[]float64{7}, 99, 7},
	} {
		if got := percentile(c.samples, c.p); got != c.want {
			t.Errorf("percentile(%v, %v) = %v, want %v", c.samples, c.p, got, c.want)
		}
	}
}

func TestFiguresFoldRounds(t *testing.T) {
	t.Parallel()
	f := newFigures()
	for _, v := range []float64{1, 9, 2} {
		f.add("dueq", []Metric{{Name: "speed", Value: v, Unit: "jobs/s"}, {Name: "early", Value: v, worst: true}})
	}
	got := f.results([]string{"asynq", "dueq"})
	if len(got) != 2 || got[0].Value != 2 || got[1].Value != 9 {
		t.Errorf("got %+v, want the median 2 and the worst 9", got)
	}
}

func TestFigure(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		1.234: "1.23", 100: "100", 1234: "1,234", 1234567: "1,234,567", -438: "-438", -54321: "-54,321",
	} {
		if got := Figure(v); got != want {
			t.Errorf("Figure(%v) = %q, want %q", v, got, want)
		}
	}
}
