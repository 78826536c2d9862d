package dashboard

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	tag  = regexp.MustCompile(`<(/?[a-zA-Z!][a-zA-Z0-9-]*)`)
	link = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
)

// elements are the names of all tags of a page, as a browser would find them.
func elements(page string) []string {
	var out []string
	for _, m := range tag.FindAllStringSubmatch(page, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return out
}

// TestHostileNamesAreText: a page with hostile strings has the elements and links of one without.
func TestHostileNamesAreText(t *testing.T) {
	t.Parallel()
	for _, source := range hostile {
		d := fake(t, Config{Source: source}, nil)
		calm, page := pageOf(t, d, "overview", degradedFrame(), noon), pageOf(t, d, "overview", hostileFrame(), noon)
		got, want := elements(string(page)), elements(string(calm))
		got = slices.DeleteFunc(got, func(name string) bool { return slices.Contains(want, name) })
		if len(got) > 0 {
			t.Errorf("source %q: elements %q", source, got)
		}
		for _, m := range link.FindAllStringSubmatch(string(page), -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") && m[1] != "" {
				t.Errorf("source %q: link to %q", source, m[1])
			}
		}
		if !strings.Contains(string(page), html.EscapeString(`<script>alert(1)</script>`)) {
			t.Error("the name is not shown at all")
		}
	}
}

// TestHostileNamesStayInTheirEvent: no name ends an event or begins a field of it.
func TestHostileNamesStayInTheirEvent(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	framed := string(event(7, fragmentOf(t, d, "overview", hostileFrame())))
	if strings.ContainsRune(framed, '\r') {
		t.Error("a carriage return ends a line, too")
	}
	lines := strings.Split(strings.TrimSuffix(framed, "\n\n"), "\n")
	if lines[0] != "event: fragment" || lines[1] != "id: 7" {
		t.Errorf("begins with %q", lines[:2])
	}
	for _, line := range lines[2:] {
		if !strings.HasPrefix(line, "data: ") {
			t.Errorf("line %q", line)
		}
	}
}

func TestHostileNamesInJSONAndMetrics(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{Source: hostile[0]}, nil)
	f := hostileFrame()
	f.at, f.made = f.at.AddDate(100, 0, 0), f.made.AddDate(100, 0, 0) // never stale
	d.collector.latest.Store(f)
	got := request(t, d, http.MethodGet, "/api/v1/queues")
	var answer struct {
		Queues []struct{ Name, Error string }
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || len(answer.Queues) != len(hostile) {
		t.Fatalf("%v: %s", err, got.body)
	}
	for i, q := range answer.Queues {
		if want := strings.ToValidUTF8(hostile[i], "�"); strings.ReplaceAll(q.Name, "��", "�") != want {
			t.Errorf("name %q, want %q", q.Name, want)
		}
		if i%3 == 0 && q.Error != "Redis answers with an error, which is in the log" {
			t.Errorf("error %q", q.Error)
		}
	}
	if strings.ContainsAny(got.body, "<>") {
		t.Error("JSON that a browser takes for HTML has markup in it")
	}
	families := scrape(t, d)
	for _, m := range families["dueq_queue_verb_jobs_total"].GetMetric() {
		if verb := labels(m)["verb"]; !slices.Contains(verbs, verb) {
			t.Errorf("a label from Redis: %q", verb)
		}
	}
	if n, want := len(families["dueq_queue_paused"].GetMetric()), len(hostile)-len(hostile)/3; n != want {
		t.Errorf("%d queues have series, want %d", n, want)
	}
}
