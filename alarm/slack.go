package alarm

import (
	"context"
	"fmt"
	"strings"
)

// SlackConfig is where messages for a chat go.
type SlackConfig struct {
	// URL is an incoming webhook of Slack, or of a chat that takes the same, such as Mattermost. It is a
	// secret. Required.
	URL string
}

type slackSender struct{ hook *hook }

// NewSlack returns the sender "slack". It returns ErrInvalid.
func NewSlack(cfg SlackConfig) (Sender, error) {
	h, err := newHook(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("alarm: slack: %w", err)
	}
	return &slackSender{h}, nil
}

// Name returns "slack".
func (s *slackSender) Name() string { return "slack" }

// slackText writes what Slack's markup would read as its own.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Send posts the message.
func (s *slackSender) Send(ctx context.Context, m *Message) error {
	mark := ":rotating_light:"
	if m.Event == Ended {
		mark = ":white_check_mark:"
	}
	lines := []string{mark + " *" + slackText.Replace(m.Subject()) + "*"}
	if f := &m.Facts; !f.At.IsZero() && m.Incident.Queue != "" {
		lines = append(lines, fmt.Sprintf("%d ready, %d leased, %d overdue, %d dead; %d workers with %d of %d slots busy",
			f.Queue.Ready, f.Queue.Leased, f.Queue.Overdue, f.Queue.Dead, f.Workers, f.Busy, f.Slots))
	}
	if m.Event == Opened {
		lines = append(lines, slackText.Replace(m.next()[0]))
	}
	if m.URL != "" {
		lines = append(lines, "<"+m.URL+">")
	}
	body, err := encodeJSON(map[string]string{"text": strings.Join(lines, "\n")})
	if err != nil {
		return err
	}
	return s.hook.post(ctx, body, nil)
}
