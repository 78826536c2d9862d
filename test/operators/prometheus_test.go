package operators

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
)

const deploy = "../../deploy/"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program finds a program; one that is missing fails the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v; install it with: apt-get install prometheus", err)
	}
	return path
}

func TestPromtoolFindsNothing(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool")
	rules, err := filepath.Abs(deploy + "prometheus/dueq.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests := filepath.Join(t.TempDir(), "rules_test.yml")
	if err := os.WriteFile(tests, []byte(strings.ReplaceAll(read(t, "testdata/rules_test.yml"), "RULES", rules)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"check", "config", deploy + "prometheus/prometheus.yml"}, {"check", "rules", rules}, {"test", "rules", tests},
	} {
		out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "WARN") {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args[:2], " "), err, out)
		}
	}
	all := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(read(t, rules), -1)
	for _, alert := range all {
		if !strings.Contains(read(t, tests), alert[1]) {
			t.Errorf("%s has no test", alert[1])
		}
	}
	t.Logf("figure: %d rules with tests", len(all))
}

func TestPromtoolChecksTheMetrics(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--redis", redistest.Start(t, "--maxmemory", "100mb").URL())
	base := p.page()
	var body string
	redistest.Eventually(t, patience, func() bool {
		body = get(t, base+"/metrics")
		return strings.Contains(body, "dueq_queue_lateness_seconds_bucket")
	}, "no lateness")
	check := exec.CommandContext(t.Context(), program(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(body)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// page waits until a demo has said where its page is.
func (p *process) page() string {
	p.t.Helper()
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	redistest.Eventually(p.t, patience, func() bool { return address.MatchString(p.said()) }, "no address")
	return address.FindString(p.said())
}

// get returns what is served there, "" where it is not.
func get(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

// prometheus is a real one that scrapes by the example's configuration.
type prometheus struct {
	t    *testing.T
	base string
}

func newPrometheus(t *testing.T, targets map[string]string) *prometheus {
	t.Helper()
	folder := t.TempDir()
	config := strings.ReplaceAll(read(t, deploy+"prometheus/prometheus.yml"), "interval: 15s", "interval: 1s")
	for of, address := range targets {
		if !strings.Contains(config, of) {
			t.Fatalf("the example scrapes no %s", of)
		}
		config = strings.ReplaceAll(config, of, strings.TrimPrefix(address, "http://"))
	}
	for name, text := range map[string]string{"prometheus.yml": config, "dueq.rules.yml": read(t, deploy+"prometheus/dueq.rules.yml")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := free(t)
	cmd := exec.CommandContext(t.Context(), program(t, "prometheus"),
		"--config.file="+folder+"/prometheus.yml", "--storage.tsdb.path="+folder+"/data", "--web.listen-address="+address)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", log.String())
		}
	})
	p := &prometheus{t, "http://" + address}
	redistest.Eventually(t, patience, func() bool { return get(t, p.base+"/-/ready") != "" }, "prometheus is not ready")
	return p
}

func free(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// query returns how many series a query has, or its error.
func (p *prometheus) query(expr string) (int, string) {
	p.t.Helper()
	var answer struct {
		Error string
		Data  struct{ Result []json.RawMessage }
	}
	text := get(p.t, p.base+"/api/v1/query?query="+url.QueryEscape(expr))
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return 0, ""
	}
	return len(answer.Data.Result), answer.Error
}

// queriesOf are the queries of the Grafana dashboard as Grafana would send them.
func queriesOf(t *testing.T) []string {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, deploy+"grafana/dueq.json")), &board); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$queue", ".*", "$__rate_interval", "10s").Replace(target.Expr)
			if strings.Contains(expr, "$") {
				t.Errorf("%s: %s", panel.Title, expr)
			}
			out = append(out, expr)
		}
	}
	return out
}

// A real Prometheus scrapes a live system by the example's configuration: each query of the Grafana dashboard
// brings data, each rule is evaluated, and each metric that a rule names is there.
func TestPrometheusScrapesALiveSystem(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "100mb")
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--redis", server.URL())
	worker := start(t, nil, "worker", "--queue", "other", "--exec", "true", "--no-scheduler", "--metrics-listen", "127.0.0.1:0", "--redis", server.URL())
	scheduler := start(t, nil, "scheduler", "--metrics-listen", "127.0.0.1:0", "--redis", server.URL())
	host := func(p *process) string { return strings.TrimSuffix(p.address(), "/metrics") }
	p := newPrometheus(t, map[string]string{"localhost:7373": demo.page(), "localhost:9373": host(worker), "localhost:9374": host(scheduler)})
	left := queriesOf(t)
	queries := len(left)
	if len(left) < 25 {
		t.Fatalf("%d queries", len(left))
	}
	var failure string
	redistest.Eventually(t, 2*patience, func() bool {
		left = slices.DeleteFunc(left, func(expr string) bool {
			n, err := p.query(expr)
			if err != "" {
				failure = expr + ": " + err
			}
			return n > 0
		})
		return len(left) == 0 || failure != ""
	}, "queries without data")
	if failure != "" {
		t.Fatal(failure)
	}
	var names struct{ Data []string }
	if err := json.Unmarshal([]byte(get(t, p.base+"/api/v1/label/__name__/values")), &names); err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bdueq_[a-z_]+`).FindAllString(read(t, deploy+"prometheus/dueq.rules.yml"), -1) {
		if !slices.Contains(names.Data, name) && !slices.Contains(names.Data, name+"_bucket") {
			t.Errorf("no metric %s", name)
		}
	}
	p.rulesAreWell()
	t.Logf("figure: %d queries of the Grafana dashboard bring data", queries)
}

func (p *prometheus) rulesAreWell() {
	p.t.Helper()
	type rule struct{ Name, Health, LastError string }
	var answer struct {
		Data struct{ Groups []struct{ Rules []rule } }
	}
	redistest.Eventually(p.t, patience, func() bool {
		answer.Data.Groups = nil
		if err := json.Unmarshal([]byte(get(p.t, p.base+"/api/v1/rules")), &answer); err != nil || len(answer.Data.Groups) == 0 {
			return false
		}
		return !slices.ContainsFunc(answer.Data.Groups[0].Rules, func(r rule) bool { return r.Health == "unknown" })
	}, "rules are not evaluated")
	for _, r := range answer.Data.Groups[0].Rules {
		if r.Health != "ok" {
			p.t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
		}
	}
}

// The queries of the recipe for KEDA are ones that Prometheus answers.
func TestKEDARecipe(t *testing.T) {
	t.Parallel()
	queries := regexp.MustCompile(`(?m)^\s+query: (.*)$`).FindAllStringSubmatch(read(t, "../../docs/deploy.md"), -1)
	if len(queries) != 2 {
		t.Fatalf("%d queries", len(queries))
	}
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0")
	p := newPrometheus(t, map[string]string{"localhost:7373": demo.page()})
	for _, q := range queries {
		redistest.Eventually(t, patience, func() bool { n, _ := p.query(q[1]); return n == 1 }, "%s is no one number", q[1])
	}
}
