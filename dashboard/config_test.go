package dashboard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, open(t, "memory://"), Config{})
	c := d.cfg
	if c.Interval != time.Second || c.IdleInterval != 10*time.Second || c.MaxStreams != 100 || c.Source != nothingKept {
		t.Errorf("defaults: %+v", c)
	}
	want := Thresholds{
		ReadyDegraded: 30 * time.Second, ReadyDown: 5 * time.Minute, OverdueDegraded: 2 * time.Second, OverdueDown: 30 * time.Second,
		LatenessDegraded: time.Second, LatenessDown: 10 * time.Second, ErrorsDegraded: 0.05, ErrorsDown: 0.25, DeadDegraded: 1,
	}
	if c.Thresholds != want {
		t.Errorf("thresholds: %+v", c.Thresholds)
	}
	slow := newDashboard(t, open(t, "memory://"), Config{Interval: time.Minute, MaxStreams: -1, Source: "staging"})
	if slow.cfg.IdleInterval != time.Minute || slow.cfg.MaxStreams != 0 || slow.cfg.Source != "staging" {
		t.Errorf("configured: %+v", slow.cfg)
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"no slash":          {Config{BasePath: "dueq"}, "BasePath"},
		"slash at the end":  {Config{BasePath: "/dueq/"}, "BasePath"},
		"climbs":            {Config{BasePath: "/a/../b"}, "BasePath"},
		"pattern":           {Config{BasePath: "/{x}"}, "BasePath"},
		"markup":            {Config{BasePath: `/"><script>`}, "BasePath"},
		"host with port":    {Config{Hosts: []string{"a.example:80"}}, "host"},
		"host as url":       {Config{Hosts: []string{"https://a.example"}}, "host"},
		"empty host":        {Config{Hosts: []string{""}}, "host"},
		"too often":         {Config{Interval: time.Millisecond}, "Interval"},
		"negative":          {Config{Interval: -1}, "Interval"},
		"idle before busy":  {Config{Interval: 5 * time.Second, IdleInterval: time.Second}, "IdleInterval"},
		"too seldom":        {Config{IdleInterval: time.Hour}, "IdleInterval"},
		"ready reversed":    {Config{Thresholds: Thresholds{ReadyDegraded: time.Hour}}, "ReadyDown"},
		"overdue reversed":  {Config{Thresholds: Thresholds{OverdueDegraded: time.Hour}}, "OverdueDown"},
		"several, all told": {Config{BasePath: "x", Interval: -1}, "Interval"},
	} {
		_, err := New(client, c.cfg)
		if !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(nil, Config{}); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("no client: %v", err)
	}
	good := Config{BasePath: "/ops/dueq-1.2", Hosts: []string{"Dueq.Example", "*", "10.0.0.1"}, Thresholds: Thresholds{ReadyDown: -1, OverdueDown: -1}}
	if _, err := New(client, good); err != nil {
		t.Error(err)
	}
}
