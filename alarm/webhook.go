package alarm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dueq-io/dueq/queue"
)

// WebhookConfig is where webhooks go.
type WebhookConfig struct {
	// URL is posted to. Redirects are not followed. Required.
	URL string
	// Secret signs, by Standard Webhooks: whsec_ and 24 to 64 bytes in base64. Required.
	Secret string
}

type webhookSender struct {
	hook *hook
	sign *webhooks.Webhook
}

// NewWebhook returns the sender "webhook", which signs by Standard Webhooks (standardwebhooks.com) with the
// headers webhook-id, webhook-timestamp and webhook-signature. It returns ErrInvalid.
func NewWebhook(cfg WebhookConfig) (Sender, error) {
	h, err := newHook(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("alarm: webhook: %w", err)
	}
	sign, err := webhooks.NewWebhook(cfg.Secret)
	if err != nil || cfg.Secret == "" {
		return nil, fmt.Errorf("alarm: webhook: %w: secret: want whsec_ and bytes in base64", queue.ErrInvalid)
	}
	return &webhookSender{h, sign}, nil
}

// Name returns "webhook".
func (s *webhookSender) Name() string { return "webhook" }

// WebhookBody is what a webhook posts, as JSON.
type WebhookBody struct {
	// Type is alarm.opened or alarm.ended.
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      WebhookData `json:"data"`
}

// WebhookData is an incident, for programs.
type WebhookData struct {
	// ID is the incident's: its beginning and its end have the same.
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Rule      string `json:"rule"`
	Signal    Signal `json:"signal"`
	Queue     string `json:"queue,omitempty"`
	// Value, Peak and Limit are in the unit of the signal: jobs, seconds, or a share from 0 to 1.
	Value float64    `json:"value"`
	Peak  float64    `json:"peak"`
	Limit float64    `json:"limit"`
	Since time.Time  `json:"since"`
	Ended *time.Time `json:"ended,omitempty"`
	Note  string     `json:"note,omitempty"`
	// Summary is the message in one line, and URL the page to look at.
	Summary string `json:"summary"`
	URL     string `json:"url,omitempty"`
	// Depth, Leased and Workers are of the queue at Timestamp; null: not known.
	Depth   *int64 `json:"depth"`
	Leased  *int64 `json:"leased"`
	Workers *int   `json:"workers"`
}

// Send posts the message.
func (s *webhookSender) Send(ctx context.Context, m *Message) error {
	now := time.Now()
	body, err := encodeJSON(m.webhookBody(now))
	if err != nil {
		return err
	}
	signature, err := s.sign.Sign(m.ID, now, body)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set(webhooks.HeaderWebhookID, m.ID)
	header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(webhooks.HeaderWebhookSignature, signature)
	return s.hook.post(ctx, body, header)
}

func (m *Message) webhookBody(now time.Time) WebhookBody {
	i := &m.Incident
	d := WebhookData{
		ID: i.ID, Namespace: m.Namespace, Rule: i.Rule.Name, Signal: i.Rule.Signal, Queue: i.Queue,
		Value: i.Value, Peak: i.Peak, Limit: i.Rule.Above, Since: i.Since, Note: i.Note, Summary: m.Subject(), URL: m.URL,
	}
	if m.Event == Ended {
		d.Ended = &i.Ended
	}
	if f := &m.Facts; !f.At.IsZero() && i.Queue != "" {
		d.Depth, d.Leased, d.Workers = &f.Queue.Ready, &f.Queue.Leased, &f.Workers
	}
	return WebhookBody{Type: "alarm." + string(m.Event), Timestamp: now.UTC(), Data: d}
}
