package dashboard

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/dueq-io/dueq/queue"
)

// familiesByName is what a scrape brought.
type familiesByName = map[string]*dto.MetricFamily

func scrape(t *testing.T, h http.Handler) familiesByName {
	t.Helper()
	got := request(t, h, http.MethodGet, "/metrics")
	if got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func labels(m *dto.Metric) map[string]string {
	out := map[string]string{}
	for _, pair := range m.GetLabel() {
		out[pair.GetName()] = pair.GetValue()
	}
	return out
}

// value is that of the one series with these labels.
func value(t *testing.T, families familiesByName, name string, want ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		all, same := labels(m), true
		for i := 0; i < len(want); i += 2 {
			same = same && all[want[i]] == want[i+1]
		}
		if same {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Errorf("no series %s%q", name, want)
	return -1
}

func TestMetricsOfAStaleFrame(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	families := scrape(t, d)
	if value(t, families, "dueq_collector_up") != 0 || families["dueq_queue_jobs"] != nil || families["dueq_collector_sample_age_seconds"] != nil {
		t.Errorf("before the first sample: %v", families)
	}
	f := busyFrame()
	f.at, f.missed = time.Now().Add(-42*time.Second), 3
	d.collector.latest.Store(f)
	families = scrape(t, d)
	if age := value(t, families, "dueq_collector_sample_age_seconds"); age < 42 || age > 100 {
		t.Errorf("age %v", age)
	}
	if value(t, families, "dueq_collector_up") != 0 || value(t, families, "dueq_collector_missed_samples") != 3 || families["dueq_queue_jobs"] != nil {
		t.Error("what was true once is reported as true")
	}
}

func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	var queues []queueState
	for i := range exportedQueues + 500 {
		queues = append(queues, stateOf(queue.QueueInfo{Name: fmt.Sprintf("q%04d", i), NextDue: -1}))
	}
	f := frameOf(queues...)
	f.at = time.Now()
	d := fake(t, Config{}, nil)
	d.collector.latest.Store(f)
	text := request(t, d, http.MethodGet, "/metrics").body
	if n := strings.Count(text, "\ndueq_queue_paused{"); n != exportedQueues {
		t.Errorf("%d queues have series", n)
	}
	if !strings.Contains(text, fmt.Sprintf("\ndueq_queues %d\n", len(queues))) {
		t.Error("not all queues are counted")
	}
}

// TestVerbsAreThoseOfTheScripts: what the scripts count is exported, and nothing else.
func TestVerbsAreThoseOfTheScripts(t *testing.T) {
	t.Parallel()
	counts := regexp.MustCompile(`(?:\bcount\(|unlease\([^\n]*, )'([a-z_]+)'`)
	var found []string
	for _, pattern := range []string{"../queue/lua/*.lua", "../queue/lua/with/*.lua"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range counts.FindAllStringSubmatch(string(text), -1) {
				found = append(found, m[1])
			}
		}
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(verbs))
	if found = slices.Compact(found); !slices.Equal(found, want) {
		t.Errorf("the scripts count %q, exported are %q", found, want)
	}
}
