package operators

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/internal/redistest"
)

// The bar: three processes watch. Of an incident that lasts for three looks there is one mail, and one of its
// end, also where one of the processes is killed in between.
func TestOneMailForAnIncidentAndOneForItsEnd(t *testing.T) {
	t.Parallel()
	redisURL, namespace := redistest.URL(t), redistest.Prefix(t)
	s := newSink(t, false)
	env := []string{
		"SSL_CERT_FILE=" + s.certFile, "DUEQ_REDIS=" + redisURL, "DUEQ_NAMESPACE=" + namespace,
		"DUEQ_ALARMS_INTERVAL=1s", "DUEQ_ALARMS_RULES=[{name: backlog, signal: depth, above: 100, clear: 10, for: 1s}]",
		fmt.Sprintf("DUEQ_ALARMS_SMTP=smtp://%s:%s@%s", mailUser, url.PathEscape(mailPassword), s.addr),
		"DUEQ_ALARMS_MAIL_FROM=dueq@example.com", "DUEQ_ALARMS_MAIL_TO=oncall@example.com", "DUEQ_DASHBOARD_PUBLIC_URL=https://ops.example/dueq", "DUEQ_DASHBOARD_BASE_PATH=/dueq",
	}
	var watchers []*process
	for range 3 {
		watchers = append(watchers, start(t, env, "dashboard", "--listen", "127.0.0.1:0"))
	}
	for _, w := range watchers {
		w.address()
	}
	c := open(t, redisURL, namespace)
	board := alarm.NewBoard(c)
	looks := func(times int) {
		t.Helper()
		var last time.Time
		seen := -1
		redistest.Eventually(t, patience, func() bool {
			state, err := board.State(t.Context())
			if err == nil && state.Looked.After(last) {
				last = state.Looked
				seen++
			}
			return seen >= times
		}, "nobody looks")
	}
	looks(1)
	enqueue(t, c, "sms", 150)
	redistest.Eventually(t, patience, func() bool { return s.count() > 0 }, "no mail")
	looks(3)
	watchers[0].kill()
	looks(3)
	if s.count() != 1 {
		t.Fatalf("%d mails about one incident", s.count())
	}
	drain(t, c, "sms")
	redistest.Eventually(t, patience, func() bool { return s.count() > 1 }, "no mail about the end")
	looks(3)
	if s.count() != 2 {
		t.Fatalf("%d mails about one incident and its end", s.count())
	}
	first, second := s.mails[0].Header, s.mails[1].Header
	for _, words := range []string{"sms", "150", "workers", "rate", "oldest ready", "What to do next", "https://ops.example/dueq/queue?name=sms"} {
		if !strings.Contains(s.body[0], words) {
			t.Errorf("no %q in:\n%s", words, s.body[0])
		}
	}
	if !strings.Contains(first.Get("Subject"), "ready jobs 150 (limit 100)") || !strings.Contains(second.Get("Subject"), "over") || second.Get("In-Reply-To") != first.Get("Message-Id") {
		t.Errorf("%v\n%v", first, second)
	}
	t.Logf("figure: %d mails of an incident that 3 processes saw for 6 looks, one of them killed", s.count())
	for _, w := range watchers {
		if strings.Contains(w.said(), mailPassword) || strings.Contains(w.said(), url.PathEscape(mailPassword)) {
			t.Error("the password is in the log")
		}
	}
}

func mailConfig(s *sink, security alarm.Security) alarm.MailConfig {
	return alarm.MailConfig{
		Host: "127.0.0.1", Port: s.addr.Port, Security: security, RootCAs: s.roots, Username: mailUser, Password: mailPassword,
		From: "dueq@example.com", To: []string{"oncall@example.com"},
	}
}

func TestMailSecurity(t *testing.T) {
	t.Parallel()
	start, implicit, other := newSink(t, false), newSink(t, true), newSink(t, false)
	plain := newSink(t, false)
	plain.TLSConfig, plain.AllowInsecureAuth = nil, true
	for name, c := range map[string]struct {
		sink   *sink
		cfg    alarm.MailConfig
		change func(c *alarm.MailConfig)
		fails  bool
	}{
		"STARTTLS":            {start, mailConfig(start, alarm.StartTLS), nil, false},
		"implicit TLS":        {implicit, mailConfig(implicit, alarm.ImplicitTLS), nil, false},
		"another's vouch":     {start, mailConfig(start, alarm.StartTLS), func(c *alarm.MailConfig) { c.RootCAs = other.roots }, true},
		"a wrong password":    {start, mailConfig(start, alarm.StartTLS), func(c *alarm.MailConfig) { c.Password += "r" }, true},
		"no password":         {start, mailConfig(start, alarm.StartTLS), func(c *alarm.MailConfig) { c.Username, c.Password = "", "" }, true},
		"a server without it": {plain, mailConfig(plain, alarm.StartTLS), nil, true},
	} {
		before := c.sink.count()
		if c.change != nil {
			c.change(&c.cfg)
		}
		sender, err := alarm.NewMail(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = sender.Send(t.Context(), alarm.TestMessage("dueq"))
		if (err != nil) != c.fails || c.sink.count() != before+map[bool]int{false: 1}[c.fails] {
			t.Errorf("%s: %v, %d mails", name, err, c.sink.count()-before)
		}
		if err != nil && strings.Contains(err.Error(), mailPassword) {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// A server that takes the connection and says nothing must not hold alarms up.
func TestMailServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := mailConfig(&sink{addr: l.Addr().(*net.TCPAddr)}, alarm.StartTLS)
	sender, err := alarm.NewMail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := sender.Send(t.Context(), alarm.TestMessage("dueq")); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
