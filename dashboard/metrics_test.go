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

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/dashboard/access"
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

// What is said of alarms is for those who see all queues: incidents are of queues.
func TestMetricsOfAlarms(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	f := busyFrame()
	f.at = time.Now()
	d.collector.latest.Store(f)
	if families := scrape(t, d); families["dueq_alarm_watched"] != nil {
		t.Errorf("before anything is known of them: %v", families["dueq_alarm_watched"])
	}
	f = busyFrame()
	f.at = time.Now()
	f.alarms = &alarm.State{Now: noon, Looked: noon.Add(-time.Second), Open: make([]alarm.Incident, 2), Ended: []alarm.Incident{{Deliveries: []alarm.Delivery{
		{Sender: "mail", Error: "refused"}, {Sender: "hook", Ended: noon},
	}}}}
	d.collector.latest.Store(f)
	families := scrape(t, d)
	for name, want := range map[string]float64{"watched": 1, "incidents_open": 2, "messages_failing": 1} {
		if got := value(t, families, "dueq_alarm_"+name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	part := newExporter(d.collector, &d.cfg)
	part.id = access.Identity{Name: "bob", Role: access.Viewer, Queues: []string{"sms"}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(part)
	seen, err := registry.Gather()
	if err != nil || slices.ContainsFunc(seen, func(m *dto.MetricFamily) bool { return strings.HasPrefix(m.GetName(), "dueq_alarm_") }) {
		t.Errorf("%v: who sees one queue sees alarms of all", err)
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
