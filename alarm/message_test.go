package alarm

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nand should be\n%s", name, got, want)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	golden(t, "opened.txt", message(Opened).Subject()+"\n\n"+message(Opened).Text())
	golden(t, "ended.txt", message(Ended).Subject()+"\n\n"+message(Ended).Text())
	alone := message(Opened)
	alone.Incident.Rule = Rule{Name: "no-worker", Signal: NoWorker, For: time.Minute}
	alone.Incident.Value, alone.Namespace, alone.Facts.Workers, alone.Facts.Slots, alone.Facts.Busy = 1, "prod", 0, 0, 0
	golden(t, "no_worker.txt", alone.Subject()+"\n\n"+alone.Text())
	away := message(Opened)
	away.Incident.Rule = Rule{Name: "redis-away", Signal: RedisAway, Above: 30, Clear: 24}
	away.Incident.Queue, away.Incident.Value, away.Facts = "", 41.3, Facts{}
	away.Incident.Note = "seen by web-1: Redis does not answer"
	golden(t, "redis_away.txt", away.Subject()+"\n\n"+away.Text())
}

// Each signal says what to do, and names the queue where a command needs it.
func TestEverySignalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, s := range Signals() {
		m := message(Opened)
		m.Incident.Rule.Signal = s
		if next := m.next(); len(next) == 0 || strings.Contains(strings.Join(next, ""), "  ") {
			t.Errorf("%s: %q", s, next)
		}
	}
	for words, change := range map[string]func(f *Facts){
		"All slots are busy": func(*Facts) {},
		"No worker":          func(f *Facts) { f.Workers, f.Slots, f.Busy = 0, 0, 0 },
		"free slots":         func(f *Facts) { f.Busy = 1 },
		"dueq resume sms":    func(f *Facts) { f.Queue.Paused = true },
		"dueq queues sms":    func(f *Facts) { *f = Facts{} },
	} {
		m := message(Opened)
		change(&m.Facts)
		if next := strings.Join(m.next(), " "); !strings.Contains(next, words) {
			t.Errorf("want %q, got %q", words, next)
		}
	}
}

func mailOf(t *testing.T, event Event) *mail.Message {
	t.Helper()
	sender, err := NewMail(MailConfig{Host: "smtp.example", From: "dueq <dueq@example.com>", To: []string{"a@example.com", "b@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := sender.(*mailSender).write(message(event))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	parsed, err := mail.ReadMessage(&b)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestMail(t *testing.T) {
	t.Parallel()
	opened, ended := mailOf(t, Opened), mailOf(t, Ended)
	for name, want := range map[string]string{
		"Subject": message(Opened).Subject(), "Message-Id": "<ABC-opened@example.com>", "Auto-Submitted": "auto-generated",
		"From": `"dueq" <dueq@example.com>`, "To": "<a@example.com>, <b@example.com>",
	} {
		if got := opened.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := ended.Header.Get("In-Reply-To"); got != "<ABC-opened@example.com>" {
		t.Errorf("the end is a reply to %q", got)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(opened.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != message(Opened).Text() {
		t.Errorf("%v: %s", err, body)
	}
}

func TestMailRefusals(t *testing.T) {
	t.Parallel()
	good := MailConfig{Host: "smtp.example", From: "a@example.com", To: []string{"b@example.com"}}
	for words, change := range map[string]func(c *MailConfig){
		"host":               func(c *MailConfig) { c.Host = "" },
		"host \"a b\"":       func(c *MailConfig) { c.Host = "a b" },
		"port":               func(c *MailConfig) { c.Port = 70000 },
		"security":           func(c *MailConfig) { c.Security = "ssl" },
		"without TLS":        func(c *MailConfig) { c.Security, c.Username, c.Password = NoTLS, "u", "p" },
		"or neither":         func(c *MailConfig) { c.Username = "u" },
		"at least one":       func(c *MailConfig) { c.To = nil },
		"address \"nobody\"": func(c *MailConfig) { c.To = []string{"nobody"} },
		"address \"\"":       func(c *MailConfig) { c.From = "" },
	} {
		c := good
		change(&c)
		if _, err := NewMail(c); !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("want %q, got %v", words, err)
		}
	}
}
