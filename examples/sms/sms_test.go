package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/examples/internal/exampletest"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// arrival is one request as the gateway of a test got it.
type arrival struct {
	key string
	sms SMS
	at  time.Time
}

// startGateway returns the URL of a gateway that hands on what arrives. It refuses the first attempt
// of each message to +15559999.
func startGateway(t *testing.T) (string, <-chan arrival) {
	t.Helper()
	arrivals := make(chan arrival, 100)
	refused := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := arrival{key: r.Header.Get("Idempotency-Key"), at: time.Now()}
		if err := json.NewDecoder(r.Body).Decode(&a.sms); err != nil {
			t.Error(err)
		}
		if a.sms.Phone == "+15559999" && !refused[a.key] {
			refused[a.key] = true // one message at a time goes to this number
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		arrivals <- a
	}))
	t.Cleanup(server.Close)
	return server.URL, arrivals
}

func next(t *testing.T, arrivals <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-arrivals:
		return a
	case <-time.After(exampletest.Patience):
		t.Fatal("no SMS arrives")
		return arrival{}
	}
}

func request(t *testing.T, method, url, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func orderOf(id, phone string) string {
	return fmt.Sprintf(`{"id":%q,"phone":%q,"item":"the pizza"}`, id, phone)
}

// inspect returns the queue of the namespace, as another program sees it.
func inspect(t *testing.T, namespace string) func() queue.QueueInfo {
	t.Helper()
	client, err := queue.Config{Namespace: namespace, Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return func() queue.QueueInfo {
		info, err := client.Inspector().Queue(t.Context(), smsQueue)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
}

func idle(info queue.QueueInfo) bool {
	return info.Delayed+info.Ready+info.Leased+info.Retrying == 0
}

// TestOneSMSAfterTwoHours runs service and worker as two programs.
func TestOneSMSAfterTwoHours(t *testing.T) {
	t.Parallel()
	const scaled = 3 * time.Second // long enough to cancel an order on a busy machine
	namespace := redistest.Prefix(t)
	shared := []string{"--redis", redistest.URL(t), "--namespace", namespace, "--scale", "2400"}
	gateway, arrivals := startGateway(t)
	exampletest.Start(t, run, slices.Concat(shared, []string{"--role", "worker", "--gateway", gateway})...)
	service := exampletest.Start(t, run, slices.Concat(shared, []string{"--role", "service", "--listen", "127.0.0.1:0"})...)
	orders := "http://" + service.Address(t) + "/orders"
	post := func(body string, want int) {
		t.Helper()
		if got := request(t, http.MethodPost, orders, body); got != want {
			t.Errorf("POST %s: %d, want %d", body, got, want)
		}
	}

	post(orderOf("cancelled", "+15550001"), http.StatusAccepted)
	if got := request(t, http.MethodDelete, orders+"/cancelled", ""); got != http.StatusNoContent {
		t.Errorf("DELETE of a waiting order: %d", got)
	}
	if got := request(t, http.MethodDelete, orders+"/cancelled", ""); got != http.StatusNotFound {
		t.Errorf("DELETE of it again: %d", got)
	}
	began := time.Now()
	for range 3 {
		post(orderOf("one", "+15550002"), http.StatusAccepted)
	}
	post(orderOf("one", "+15550003"), http.StatusConflict)

	first := next(t, arrivals)
	if first.key != "one" || first.sms.Phone != "+15550002" || !strings.Contains(first.sms.Text, "the pizza") {
		t.Errorf("arrived: %+v", first)
	}
	notBefore(t, first.at.Sub(began), scaled)

	info := inspect(t, namespace)
	redistest.Eventually(t, exampletest.Patience, func() bool { return idle(info()) }, "nothing left to run")
	post(orderOf("one", "+15550002"), http.StatusAccepted)
	if got := request(t, http.MethodDelete, orders+"/one", ""); got != http.StatusConflict {
		t.Errorf("DELETE of an order whose SMS was sent: %d", got)
	}
	// Nothing that could still send is in the queue, so nothing more can arrive.
	if !idle(info()) || len(arrivals) > 0 {
		t.Errorf("a second SMS: %+v, %d arrived", info(), len(arrivals))
	}
}

// notBefore checks a time that began before a job was enqueued. dueq counts in whole milliseconds.
func notBefore(t *testing.T, took, scaled time.Duration) {
	t.Helper()
	if took < scaled-time.Millisecond {
		t.Errorf("after %v, %v early", took, scaled-took)
	}
	if took > scaled+exampletest.Patience {
		t.Errorf("after %v, want %v", took, scaled)
	}
}

func TestGatewayIsObeyed(t *testing.T) {
	t.Parallel()
	gateway, arrivals := startGateway(t)
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", redistest.Prefix(t),
		"--listen", "127.0.0.1:0", "--scale", "72000", "--gateway", gateway)
	if got := request(t, http.MethodPost, "http://"+p.Address(t)+"/orders", orderOf("busy", "+15559999")); got != http.StatusAccepted {
		t.Fatal(got)
	}
	refused, sent := next(t, arrivals), next(t, arrivals)
	notBefore(t, sent.at.Sub(refused.at), time.Second)
	if refused.key != "busy" || sent.key != "busy" {
		t.Errorf("the two attempts have the keys %q and %q", refused.key, sent.key)
	}
}

// TestStandIn sends more at once than the stand-in takes, one of it to a number that does not exist.
func TestStandIn(t *testing.T) {
	t.Parallel()
	const orders = 8
	namespace := redistest.Prefix(t)
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", namespace,
		"--listen", "127.0.0.1:0", "--scale", "7200")
	url := "http://" + p.Address(t) + "/orders"
	for i := range orders {
		phone := fmt.Sprintf("+1555123%04d", i)
		if got := request(t, http.MethodPost, url, orderOf(fmt.Sprint("order-", i), phone)); got != http.StatusAccepted {
			t.Fatal(got)
		}
	}
	info := inspect(t, namespace)
	redistest.Eventually(t, 2*exampletest.Patience, func() bool { return idle(info()) }, "nothing left to run")
	if got := info(); got.Dead != 1 || got.Done != orders-1 {
		t.Errorf("%d dead, %d done", got.Dead, got.Done)
	}
	if sent := p.Count("gateway: sent"); sent != orders-1 {
		t.Errorf("%d messages sent, want %d", sent, orders-1)
	}
}

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", redistest.Prefix(t), "--listen", "127.0.0.1:0")
	url := "http://" + p.Address(t) + "/orders"
	for name, body := range map[string]string{
		"no JSON":        "one pizza",
		"unknown field":  `{"id":"1","phone":"+15550100","item":"x","price":1}`,
		"no ID":          orderOf("", "+15550100"),
		"ID of no form":  orderOf("a b", "+15550100"),
		"no phone":       orderOf("1", "call me"),
		"no item":        `{"id":"1","phone":"+15550100"}`,
		"much too large": orderOf(strings.Repeat("1", 1<<20), "+15550100"),
	} {
		if got := request(t, http.MethodPost, url, body); got != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := request(t, http.MethodDelete, url+"/unknown", ""); got != http.StatusNotFound {
		t.Errorf("DELETE of an unknown order: %d", got)
	}
}

// TestSilentConnection: a connection on which nothing is asked, as browsers keep in reserve, does not make the
// end of the program an error.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", redistest.Prefix(t), "--listen", "127.0.0.1:0")
	p.StopBesideSilence(t)
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--role", "cook"}, {"--role", "worker"}, {"--scale", "0"}, {"--scale", "NaN"}, {"orders"}, {"--redis", "mysql://x"},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-1": 0, "soon": 0, "999999": time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Hour).Format(http.TimeFormat):  0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
