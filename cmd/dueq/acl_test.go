package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// The lines that acl prints make users under whom each command does its part and no other's.
func TestACLUsers(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3 same\nsecond line"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := map[string]string{}
	for _, role := range queue.Roles() {
		v := decode[aclView](t, dueq(t, "acl", string(role), "--namespace", "shop", "--password-file", file, "--json").want(t, exitOK))
		if strings.Contains(v.SetUser, "s3 same") || !strings.Contains(v.ACLFile, "user dueq-"+string(role)+" on #") {
			t.Errorf("%+v", v)
		}
		var words []any
		for word := range strings.FieldsSeq(v.SetUser) {
			words = append(words, word)
		}
		if err := server.Client().Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(v.SetUser, err)
		}
		target[string(role)] = "redis://dueq-" + string(role) + ":s3%20same@" + server.Addr()
	}
	as := func(role string, args ...string) result {
		t.Helper()
		return dueq(t, append(args, "--redis", target[role], "--namespace", "shop")...)
	}
	as("producer", "enqueue", "sms", "k", "--id", "one").want(t, exitOK)
	as("producer", "enqueue", "sms", "k", "--id", "two", "--delay", "1h").want(t, exitOK)
	as("producer", "cancel", "sms", "two").want(t, exitOK)
	as("producer", "requeue", "sms", "one").want(t, exitFailed)
	as("worker", "enqueue", "sms", "k").failed(t, "unfit", "dueq acl")
	worker := background(t, "worker", "--queue", "sms", "--exec", "echo done", "--redis", target["worker"], "--namespace", "shop")
	redistest.Eventually(t, patience, func() bool {
		infos := decode[[]queue.QueueInfo](t, as("dashboard", "queues", "--json").want(t, exitOK))
		return len(infos) == 1 && infos[0].Counts["ack"] == 1
	})
	worker.stop().want(t, exitOK)
	as("dashboard", "jobs", "sms").want(t, exitOK)
	as("dashboard", "pause", "sms").failed(t, "NOPERM")
	as("operator", "pause", "sms").want(t, exitOK)
	as("operator", "doctor", "--repair").want(t, exitFailed) // it may not work or enqueue, and says so
	as("operator", "doctor", "--role", "operator", "--repair").want(t, exitOK)
	log, err := server.Client().Do(t.Context(), "ACL", "LOG", "100").Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		fields, _ := entry.(map[any]any) // RESP3
		if fields["username"] == "dueq-worker" && fields["object"] != "sadd" {
			t.Errorf("a worker was denied %v", fields)
		}
	}
	wantDoctorByRole(t, server, as)
}

// Doctor checks what a role needs, and does nothing that the role may not.
func wantDoctorByRole(t *testing.T, server *redistest.Server, as func(role string, args ...string) result) {
	t.Helper()
	if err := server.Client().Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
		t.Fatal(err)
	}
	for _, role := range queue.Roles() {
		d := decode[diagnosis](t, as(string(role), "doctor", "--role", string(role), "--json").want(t, exitOK))
		if d.Audited != (role == queue.RoleOperator) || (d.Queues == nil) != (role == queue.RoleProducer) || d.ClockAheadMS == nil {
			t.Errorf("%s: %+v", role, d)
		}
	}
	if log := server.Client().Do(t.Context(), "ACL", "LOG").String(); strings.Contains(log, "username:dueq-") {
		t.Errorf("doctor did what its role may not: %s", log)
	}
	r := as("producer", "doctor", "--role", "producer").want(t, exitOK)
	wantWords(t, r.out, "roles", "producer", "not made", "operator")
	as("producer", "doctor", "--role", "producer", "--role", "worker").failed(t, "unfit")
	dueq(t, "doctor", "--role", "king").misused(t, "king", "dashboard")
	dueq(t, "doctor", "--role", "worker", "--repair").misused(t, "operator")
	dueq(t, "doctor", "--role", "worker", "--queue", "sms").misused(t, "operator")
}

func TestACLLines(t *testing.T) {
	r := dueq(t, "acl", "producer", "--user", "shop").want(t, exitOK)
	wantWords(t, r.out, "ACL SETUSER shop reset on resetkeys ~dueq:* resetchannels -@all +del +eval", "\nuser shop on resetkeys ")
	for _, surplus := range []string{"+wait", "+select", "+cluster", "+blpop", "#"} {
		if strings.Contains(strings.ReplaceAll(r.out, "# for", ""), surplus) {
			t.Errorf("has %s: %s", surplus, r.out)
		}
	}
	r = dueq(t, "acl", "producer", "worker", "--confirmed", "--redis", "redis://localhost/3").want(t, exitOK)
	wantWords(t, r.out, "dueq-producer", "+select", "+wait", "+waitaof", "+blpop", "+sadd")
	wantWords(t, dueq(t, "acl", "producer", "--redis", "redis+cluster://a:1,b:2").out, "+cluster|slots")
	t.Setenv(passwordVariable, "abc")
	wantWords(t, dueq(t, "acl", "worker").out, "#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
	dueq(t, "acl", "king").misused(t, "king", "dashboard")
	dueq(t, "acl").misused(t, "argument")
	dueq(t, "acl", "worker", "--user", "a b").misused(t, "--user")
	dueq(t, "acl", "worker", "--password-file", "/does/not/exist").failed(t, "password")
	dueq(t, "acl", "worker", "--namespace", "a b").failed(t, "namespace")
}

// The rules for a Redis Cluster and for a database of its own are enough, and have nothing that is not called.
func TestACLOfOtherServers(t *testing.T) {
	t.Parallel()
	cluster, single := redistest.StartCluster(t), redistest.StartTCP(t)
	for target, admin := range map[string]*redistest.Server{
		"redis+cluster://u:pw@" + cluster.Addr(): cluster, "redis://u:pw@" + single.Addr() + "/3": single,
	} {
		v := decode[aclView](t, dueq(t, "acl", "producer", "--user", "u", "--redis", target, "--json"))
		words := []any{">pw"}
		for word := range strings.FieldsSeq(v.SetUser) {
			words = append(words, word)
		}
		words = append(words[1:], words[0])
		client := admin.Client()
		if err := client.Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.ConfigResetStat(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		dueq(t, "enqueue", "sms", "k", "--redis", target).want(t, exitOK)
		calls := client.Info(t.Context(), "commandstats").Val()
		for _, name := range (&aclOptions{}).more(target) {
			if !strings.Contains(calls, "cmdstat_"+name+":") {
				t.Errorf("%s: %s is never called", target, name)
			}
		}
		if log := client.Do(t.Context(), "ACL", "LOG").String(); strings.Contains(log, "username:u ") {
			t.Errorf("denied: %s", log)
		}
	}
}
