package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/queue"
)

// config is the settings of one run, merged.
type config struct {
	redis          string
	namespace      string
	acceptDataLoss bool
	beat           time.Duration
	maxPayload     int
	knownQueues    []string
	logLevel       string
	logFormat      string

	worker    workerSettings
	scheduler schedulerSettings
	dashboard dashboardSettings
	alarms    alarmSettings

	// file is the file that was read, if any; origin says for each setting where it comes from.
	file   string
	origin map[string]string
}

type workerSettings struct {
	queues        []string
	exec, post    string
	strict        bool
	concurrency   int
	lease         time.Duration
	grace         time.Duration
	timeout       time.Duration
	maxAttempts   int
	noScheduler   bool
	metricsListen string
}

type schedulerSettings struct {
	queues        []string
	deadAge       time.Duration
	deadKeep      int
	doneKeep      int
	metricsListen string
}

type dashboardSettings struct {
	listen          string
	basePath        string
	hosts           []string
	publicURL       string
	usersFile       string
	trustedProxies  []string
	proxySecretFile string
	proxyUserHeader string
	proxyRole       string
	readOnly        bool
	redactKeys      []string
	hiddenKinds     []string
	insecureNoAuth  bool
	thresholds      []thresholdText
}

// defaults are the values of settings that nobody has set. A zero is the default of the package that the
// setting is for.
func defaults() *config {
	return &config{
		redis: "redis://localhost:6379/0", namespace: "dueq", beat: time.Second, maxPayload: 1 << 20,
		logLevel: "info", logFormat: "text",
		worker: workerSettings{
			concurrency: 10, lease: queue.DefaultLease, grace: 25 * time.Second, maxAttempts: 25,
		},
		scheduler: schedulerSettings{deadAge: 90 * 24 * time.Hour, deadKeep: 1_000_000, doneKeep: 1_000_000},
		dashboard: dashboardSettings{listen: defaultListen},
		alarms:    alarmSettings{interval: 10 * time.Second, rules: alarm.DefaultRules()},
	}
}

// setting is one line of dueq.yaml, one variable of the environment and, on the commands that need it, one
// flag.
type setting struct {
	// key is the name in the file; a dot stands for a section.
	key, flag string
	// field is a pointer into the config: *string, *bool, *int, *time.Duration, *[]string, *[]alarm.Rule or
	// *[]thresholdText.
	field func(c *config) any
	usage string
}

// settings is all there is, in the order in which they are shown.
var settings = []setting{
	{"redis", "redis", func(c *config) any { return &c.redis }, "the Redis server: redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memory://"},
	{"namespace", "namespace", func(c *config) any { return &c.namespace }, "the first part of every key, so that environments can share a server"},
	{"beat", "beat", func(c *config) any { return &c.beat }, "how often the program tells operators what it does; after ten times as long it counts as gone"},
	{"accept_data_loss", "accept-data-loss", func(c *config) any { return &c.acceptDataLoss }, "work with a server that may lose jobs (dueq doctor says why)"},
	{"max_payload", "max-payload", func(c *config) any { return &c.maxPayload }, "the largest payload to enqueue, in bytes"},
	{"known_queues", "known-queue", func(c *config) any { return &c.knownQueues }, "a queue to enqueue to, so that a misspelt name is an error; repeatable (default: any)"},
	{"log_level", "log-level", func(c *config) any { return &c.logLevel }, "what daemons log: debug, info, warn or error"},
	{"log_format", "log-format", func(c *config) any { return &c.logFormat }, "how daemons log: text or json"},

	{"worker.queues", "queue", func(c *config) any { return &c.worker.queues }, "a queue to serve, as name or name=weight; repeatable"},
	{"worker.exec", "exec", func(c *config) any { return &c.worker.exec }, "the command to run for each job, by the shell"},
	{"worker.post", "post", func(c *config) any { return &c.worker.post }, "the URL to post each job to"},
	{"worker.strict", "strict", func(c *config) any { return &c.worker.strict }, "serve a queue only while none of higher weight has jobs"},
	{"worker.concurrency", "concurrency", func(c *config) any { return &c.worker.concurrency }, "how many jobs run at once"},
	{"worker.lease", "lease", func(c *config) any { return &c.worker.lease }, "how long a job is this worker's without a heartbeat"},
	{"worker.grace", "grace", func(c *config) any { return &c.worker.grace }, "how long jobs may finish after a signal to stop"},
	{"worker.timeout", "timeout", func(c *config) any { return &c.worker.timeout }, "how long one attempt may take (default: 1h with --exec, 30s with --post)"},
	{"worker.max_attempts", "max-attempts", func(c *config) any { return &c.worker.maxAttempts }, "failures until a job is dead that does not say so itself"},
	{"worker.no_scheduler", "no-scheduler", func(c *config) any { return &c.worker.noScheduler }, "run no scheduler beside the worker"},
	{"worker.metrics_listen", "metrics-listen", func(c *config) any { return &c.worker.metricsListen }, "serve /metrics, /healthz and /readyz on this address"},

	{"scheduler.queues", "queue", func(c *config) any { return &c.scheduler.queues }, "a queue to serve; repeatable (default: all, as they appear)"},
	{"scheduler.dead_age", "dead-age", func(c *config) any { return &c.scheduler.deadAge }, "how long dead jobs are kept; negative: for ever"},
	{"scheduler.dead_keep", "dead-keep", func(c *config) any { return &c.scheduler.deadKeep }, "how many dead jobs each queue keeps; negative: any number"},
	{"scheduler.done_keep", "done-keep", func(c *config) any { return &c.scheduler.doneKeep }, "how many done jobs each queue keeps; negative: any number"},
	{"scheduler.metrics_listen", "metrics-listen", func(c *config) any { return &c.scheduler.metricsListen }, "serve /metrics, /healthz and /readyz on this address"},

	{"dashboard.listen", "listen", func(c *config) any { return &c.dashboard.listen }, "the address to serve on"},
	{"dashboard.base_path", "base-path", func(c *config) any { return &c.dashboard.basePath }, "the path below which a proxy mounts it, such as /dueq"},
	{"dashboard.hosts", "host", func(c *config) any { return &c.dashboard.hosts }, "a host name under which it may be asked for, beside localhost; repeatable"},
	{"dashboard.public_url", "public-url", func(c *config) any { return &c.dashboard.publicURL }, "where browsers find it, such as https://ops.example/dueq; with https, cookies are sent over TLS only, and messages link there"},
	{"dashboard.users_file", "users-file", func(c *config) any { return &c.dashboard.usersFile }, "the file of those who may sign in, a line each as dueq dashboard user prints it"},
	{"dashboard.trusted_proxies", "trusted-proxy", func(c *config) any { return &c.dashboard.trustedProxies }, "an address or network of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8; repeatable"},
	{"dashboard.proxy_secret_file", "proxy-secret-file", func(c *config) any { return &c.dashboard.proxySecretFile }, "the file with the secret by which a trusted proxy may say who makes a request, in X-Dueq-Proxy-Secret"},
	{"dashboard.proxy_user_header", "proxy-user-header", func(c *config) any { return &c.dashboard.proxyUserHeader }, "the header in which it does (default: X-Forwarded-User)"},
	{"dashboard.proxy_role", "proxy-role", func(c *config) any { return &c.dashboard.proxyRole }, "the role of those it names who are not in the file of users: viewer, operator or admin (default: none)"},
	{"dashboard.read_only", "read-only", func(c *config) any { return &c.dashboard.readOnly }, "change nothing, whoever asks"},
	{"dashboard.redact_keys", "redact-key", func(c *config) any { return &c.dashboard.redactKeys }, "a part of the names of further fields whose values are hidden; repeatable"},
	{"dashboard.hidden_kinds", "hide-kind", func(c *config) any { return &c.dashboard.hiddenKinds }, "a kind whose payloads are hidden whole; repeatable"},
	{"dashboard.thresholds", "thresholds", func(c *config) any { return &c.dashboard.thresholds }, "where the verdict on single queues turns"},
	{"dashboard.insecure_no_auth", "insecure-no-auth", func(c *config) any { return &c.dashboard.insecureNoAuth }, "let everyone who reaches it look at everything, without a login"},

	{"alarms.interval", "interval", func(c *config) any { return &c.alarms.interval }, "how often queues are looked at"},
	{"alarms.rules", "rules", func(c *config) any { return &c.alarms.rules }, "when people are told"},
	{"alarms.smtp", "smtp", func(c *config) any { return &c.alarms.smtp }, "the mail server: smtp://user:password@host:587 with STARTTLS, smtps:// with TLS, smtp+plain:// without"},
	{"alarms.mail_from", "mail-from", func(c *config) any { return &c.alarms.mailFrom }, "the address that mails are from"},
	{"alarms.mail_to", "mail-to", func(c *config) any { return &c.alarms.mailTo }, "an address that mails go to; repeatable"},
	{"alarms.webhook", "webhook", func(c *config) any { return &c.alarms.webhook }, "the URL of a webhook, signed by Standard Webhooks"},
	{"alarms.webhook_secret", "webhook-secret", func(c *config) any { return &c.alarms.webhookSecret }, "the secret that it is signed with: whsec_ and base64"},
	{"alarms.slack", "slack", func(c *config) any { return &c.alarms.slack }, "the URL of an incoming webhook of Slack, or of a chat that takes the same"},
}

// env is the variable of a setting: DUEQ_WORKER_LEASE.
func (s *setting) env() string {
	return "DUEQ_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// section is the part of the key before the dot; the settings of none are for every command.
func (s *setting) section() string {
	section, _, dotted := strings.Cut(s.key, ".")
	if !dotted {
		return ""
	}
	return section
}

const sectionNote = "dueq_section"

// flagIn finds the flag of the setting among those of a command. Commands reuse the names of flags, so the
// section has to be the same.
func (s *setting) flagIn(flags *pflag.FlagSet) *pflag.Flag {
	flag := flags.Lookup(s.flag)
	if flag == nil || len(flag.Annotations[sectionNote]) != 1 || flag.Annotations[sectionNote][0] != s.section() {
		return nil
	}
	return flag
}

// addSettings adds the flags of a section to those of a command.
func addSettings(flags *pflag.FlagSet, section string) {
	base := defaults()
	for i := range settings {
		s := &settings[i]
		if s.section() != section {
			continue
		}
		switch field := s.field(base).(type) {
		case *string:
			flags.String(s.flag, *field, s.usage)
		case *bool:
			flags.Bool(s.flag, *field, s.usage)
		case *int:
			flags.Int(s.flag, *field, s.usage)
		case *time.Duration:
			flags.Duration(s.flag, *field, s.usage)
		case *[]string:
			flags.StringSlice(s.flag, *field, s.usage)
		default: // has no form that a flag could have
			continue
		}
		flags.Lookup(s.flag).Annotations = map[string][]string{sectionNote: {section}}
	}
}

// check refuses the zeros that the packages would take for their defaults, which nobody asked for.
func (c *config) check() error {
	var errs []error
	for i := range settings {
		s := &settings[i]
		if c.origin[s.key] == fromDefault || slices.Contains(zeroAllowed, s.key) {
			continue
		}
		zero := false
		switch field := s.field(c).(type) {
		case *int:
			zero = *field == 0
		case *time.Duration:
			zero = *field == 0
		}
		if zero {
			errs = append(errs, fmt.Errorf("%s: 0 is no value for it", c.where(s)))
		}
	}
	return errors.Join(errs...)
}

// zeroAllowed are the settings whose zero means something: no grace, and the time-out of the kind of worker.
var zeroAllowed = []string{"worker.grace", "worker.timeout"}
