package scenario

import (
	"fmt"
	"math"
	"slices"
)

// figures gathers the metrics of all rounds, keeping the order in which they first appeared.
type figures struct {
	order []string
	units map[string]string
	worst map[string]bool
	seen  map[string]map[string][]float64
}

func newFigures() *figures {
	return &figures{units: map[string]string{}, worst: map[string]bool{}, seen: map[string]map[string][]float64{}}
}

func (f *figures) add(system string, metrics []Metric) {
	for _, m := range metrics {
		if f.seen[m.Name] == nil {
			f.order = append(f.order, m.Name)
			f.units[m.Name], f.worst[m.Name] = m.Unit, m.worst
			f.seen[m.Name] = map[string][]float64{}
		}
		f.seen[m.Name][system] = append(f.seen[m.Name][system], m.Value)
	}
}

// drop forgets all rounds of a system.
func (f *figures) drop(system string) {
	for _, rounds := range f.seen {
		delete(rounds, system)
	}
}

func (f *figures) results(systems []string) []Result {
	var results []Result
	for _, name := range f.order {
		for _, system := range systems {
			rounds := f.seen[name][system]
			if len(rounds) == 0 {
				continue
			}
			value := percentile(rounds, 50)
			if f.worst[name] {
				value = slices.Max(rounds)
			}
			results = append(results, Result{Scenario: name, System: system, Value: rounded(value), Unit: f.units[name]})
		}
	}
	return results
}

// percentile sorts a copy and takes the value at p percent; between two it takes the mean of them for p = 50 only,
// as a high percentile is a value that did occur.
func percentile(samples []float64, p float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	if p == 50 && len(sorted)%2 == 0 {
		return (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
	}
	rank := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[max(0, rank)]
}

// rounded keeps the digits that a measurement of this kind can carry.
func rounded(v float64) float64 {
	if math.Abs(v) >= 100 {
		return math.Round(v)
	}
	return math.Round(v*1000) / 1000
}

// Figure prints a value for people: 12,345 or 1.23.
func Figure(v float64) string {
	if math.IsNaN(v) {
		return "none"
	}
	if math.Abs(v) < 100 {
		return fmt.Sprintf("%.2f", v)
	}
	digits := fmt.Sprintf("%.0f", math.Abs(v))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if v < 0 {
		return "-" + digits
	}
	return digits
}
