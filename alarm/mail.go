package alarm

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/dueq-io/dueq/queue"
)

// Security is how a connection to a mail server is kept from others.
type Security string

const (
	// StartTLS turns to TLS after the greeting, and gives up where the server cannot.
	StartTLS Security = "starttls"
	// ImplicitTLS is TLS from the first byte.
	ImplicitTLS Security = "tls"
	// NoTLS is for a relay on the same machine. It takes no password.
	NoTLS Security = "none"
)

// MailConfig is where mails go, and how.
type MailConfig struct {
	// Host is the mail server. Required.
	Host string
	// Port is that of the server. Default: 587, 465 with ImplicitTLS, 25 with NoTLS.
	Port int
	// Security is how the connection is kept from others. Default: StartTLS.
	Security Security
	// RootCAs are who may vouch for the server. Default: the system's.
	RootCAs *x509.CertPool
	// Username and Password sign in, by the strongest way that the server has. Default: no sign-in.
	Username, Password string
	// From is the sender's address, and To those of the receivers, such as ops@example.com. Required.
	From string
	To   []string
}

// mailPorts are the usual ports.
var mailPorts = map[Security]int{StartTLS: 587, ImplicitTLS: 465, NoTLS: 25}

// mailTime bounds the connection, and then the sending, so that both are within sendTime.
const mailTime = 12 * time.Second

type mailSender struct {
	cfg    MailConfig
	client func() (*gomail.Client, error)
}

// NewMail returns the sender "mail". It returns ErrInvalid.
func NewMail(cfg MailConfig) (Sender, error) {
	cfg.Security = cmp.Or(cfg.Security, StartTLS)
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("alarm: mail: %w", err)
	}
	cfg.Port = cmp.Or(cfg.Port, mailPorts[cfg.Security])
	options := []gomail.Option{
		gomail.WithPort(cfg.Port), gomail.WithTimeout(mailTime), gomail.WithoutNoop(),
		gomail.WithTLSConfig(&tls.Config{ServerName: cfg.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}),
	}
	switch cfg.Security {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if cfg.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(cfg.Username), gomail.WithPassword(cfg.Password))
	}
	s := &mailSender{cfg: cfg, client: func() (*gomail.Client, error) { return gomail.NewClient(cfg.Host, options...) }}
	if _, err := s.client(); err != nil {
		return nil, fmt.Errorf("alarm: mail: %w: %w", queue.ErrInvalid, err)
	}
	return s, nil
}

func (c *MailConfig) validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...))
	}
	if c.Host == "" || strings.ContainsAny(c.Host, " /@:") {
		wrong("host %q: want the name of the mail server", c.Host)
	}
	if c.Port < 0 || c.Port > 65535 {
		wrong("port %d: want 1 to 65535", c.Port)
	}
	if _, known := mailPorts[c.Security]; !known {
		wrong("security %q: want starttls, tls or none", c.Security)
	}
	if c.Username != "" && c.Security == NoTLS {
		wrong("a password is not sent without TLS")
	}
	if (c.Username == "") != (c.Password == "") {
		wrong("want a user name and a password, or neither")
	}
	if len(c.To) == 0 {
		wrong("to: want at least one address")
	}
	for _, address := range slices.Concat([]string{c.From}, c.To) {
		if _, err := mail.ParseAddress(address); err != nil {
			wrong("address %q: want something like ops@example.com", address)
		}
	}
	return errors.Join(errs...)
}

// Name returns "mail".
func (s *mailSender) Name() string { return "mail" }

// Send hands the mail to the server.
func (s *mailSender) Send(ctx context.Context, m *Message) error {
	msg, err := s.write(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return s.public(err)
	}
	return nil
}

func (s *mailSender) write(m *Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(s.cfg.From), msg.To(s.cfg.To...)); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject())
	msg.SetDate()
	msg.SetMessageIDWithValue(s.id(m.ID))
	if m.Event == Ended {
		// Mail readers show the end below the beginning.
		first := "<" + s.id(m.Incident.ID+"-"+string(Opened)) + ">"
		msg.SetGenHeader("In-Reply-To", first)
		msg.SetGenHeader("References", first)
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text())
	return msg, nil
}

// id is a Message-ID of the sender's domain.
func (s *mailSender) id(id string) string {
	domain := "dueq"
	if address, err := mail.ParseAddress(s.cfg.From); err == nil {
		domain = address.Address[strings.LastIndex(address.Address, "@")+1:]
	}
	return id + "@" + domain
}

// public takes the password out of an error, should a server repeat it.
func (s *mailSender) public(err error) error {
	text := err.Error()
	if s.cfg.Password != "" {
		text = strings.ReplaceAll(text, s.cfg.Password, "xxxxx")
	}
	return errors.New(text)
}
