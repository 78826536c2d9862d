package redact

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	r := New(Config{Keys: []string{"Account No"}, Kinds: map[string]Kind{"gone": {Hide: true}, "salary": {Keys: []string{"amount"}}}})
	for _, c := range []struct{ kind, payload, want string }{
		{
			"k", `{"to":"x","n":1.50,"ok":true,"none":null,"list":[1,"a"],"empty":{},"no":[]}`,
			"{\n  \"to\": \"x\",\n  \"n\": 1.50,\n  \"ok\": true,\n  \"none\": null,\n  \"list\": [\n    1,\n    \"a\"\n  ],\n  \"empty\": {},\n  \"no\": []\n}",
		},
		{"k", `{"user":{"passWord":"x"}}`, "{\n  \"user\": {\n    \"passWord\": \"[hidden]\"\n  }\n}"},
		{"k", `{"credentials":{"a":[1,{"b":2}]},"after":3}`, "{\n  \"credentials\": \"[hidden]\",\n  \"after\": 3\n}"},
		{"k", `{"account_no":7,"amount":9}`, "{\n  \"account_no\": \"[hidden]\",\n  \"amount\": 9\n}"},
		{"salary", `{"account-no":7,"amount":9}`, "{\n  \"account-no\": \"[hidden]\",\n  \"amount\": \"[hidden]\"\n}"},
		{"gone", `{"a":1}`, "[7 bytes, hidden]"},
		{"k", `"plain <b>&"`, `"plain <b>&"`},
		{"k", `{"body":"{\"token\":\"x\",\"n\":1}"}`, "{\n  \"body\": \"{\\\"token\\\":\\\"[hidden]\\\",\\\"n\\\":1}\"\n}"},
		{"k", `{"to":13812345678}`, "{\n  \"to\": \"138•••78\"\n}"},
		{"k", "name=a%20b&password=x&to=a%40example.com", "name=a b\npassword=[hidden]\nto=•••@example.com"},
		{"k", "hello, world", "hello, world"},
		{"k", "", ""},
		{"k", "\x00\x01", "[2 bytes, not text]"},
		{"k", "\xff\xfe", "[2 bytes, not text]"},
		{"k", `{"password":"x"`, `{"password":[hidden]`},
	} {
		if got := r.Payload(c.kind, []byte(c.payload)); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.payload, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	r := New(Config{})
	for text, want := range map[string]string{
		"dial tcp 10.1.2.3:6379: connect: connection refused":         "dial tcp 10.1.2.3:6379: connect: connection refused",
		"Post \"https://u:p@api.example/v1?key=x&y\": EOF":            "Post \"https://[hidden]@api.example/v1?key=[hidden]&[hidden]\": EOF",
		"https://api.example/v1/jobs/7#frag":                          "https://api.example/v1/jobs/7#[hidden]",
		"redis://:pa/ss@host:6379/0":                                  "redis://[hidden]@host:6379/0",
		"redis://u:pa?ss#x@host":                                      "redis://[hidden]",
		"dial root:pass@tcp(db:3306)/x":                               "dial root:[hidden]@tcp(db:3306)/x",
		"Authorization: Bearer abc def":                               "Authorization: [hidden]",
		"sent Bearer abcdef, got 401":                                 "sent Bearer [hidden], got 401",
		"password: two words\nnext: line":                             "password: [hidden]\nnext: line",
		"password=x, user=y":                                          "password=[hidden], user=y",
		`{"secret":{"a":"}"},"b":1} failed`:                           `{"secret":[hidden],"b":1} failed`,
		`{\"api_key\":\"x\",\"b\":1}`:                                 `{\"api_key\":[hidden],\"b\":1}`,
		"<user><Password a='b'>x</Password><n>1</n></user>":           "<user><Password a='b'>[hidden]</Password><n>1</n></user>",
		"cmd --password x --verbose y":                                "cmd --password [hidden] --verbose y",
		"invalid api key sk-12345":                                    "invalid api key [hidden]",
		"to +45 12 34 56 78 and 138 1234 5678, (212) 555-0100":        "to +45•••78 and 138•••78, (21•••00",
		"order 4111 1111 1111 1111 of 1732543860000":                  "order •••1111 of 1732543860000",
		"id 11010519491231002X, 4111111111111112":                     "id [hidden], 4111111111111112",
		"mail jörg.m@example.com, a@b":                                "mail j•••@example.com, a@b",
		"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc- x":             "jwt [hidden] x",
		"-----BEGIN RSA PRIVATE KEY-----\nabc\nno end":                "[hidden]",
		"01KB2Z5N7Y3W8Q4R6T9V1X0C5M took 1.5s at 2026-11-25 14:31:00": "01KB2Z5N7Y3W8Q4R6T9V1X0C5M took 1.5s at 2026-11-25 14:31:00",
		"密码：abc":  "密码：[hidden]",
		"密码: abc": "密码: [hidden]",
	} {
		if got := r.Text("k", text); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	n := New(Config{}).every
	for name, want := range map[string]bool{
		"password": true, "user.PASSWORD": true, "db_pass_word": true, "X-Api-Key": true, "accessToken": true, "Set-Cookie": true, "card": true, "cardNo": true,
		"CARD-HOLDER": true, "userPin": true, "PIN2": true, "手机号": true, "mobile": true, "OTPCode": true, strings.Repeat("x", 600): true,
		"discard": false, "author": false, "passenger": false, "pinned": false, "spinner": false, "key": false, "name": false, "": false, "id": false, "hotel": false,
	} {
		if n.secret(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	r := New(Config{Kinds: map[string]Kind{"k": {Keys: []string{"tenant"}}}})
	in := map[string]string{"Authorization": "Bearer x", "Tenant": "a", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "url": "https://h/p?q=x"}
	got := r.Headers("k", in)
	want := map[string]string{"Authorization": "[hidden]", "Tenant": "[hidden]", "traceparent": in["traceparent"], "url": "https://h/p?q=[hidden]"}
	if fmt.Sprint(got) != fmt.Sprint(want) || in["Tenant"] != "a" {
		t.Errorf("%v", got)
	}
	if r.Headers("k", nil) != nil {
		t.Error("headers of nothing")
	}
}

// TestCustomPayload: what a function makes of a payload is redacted all the same, and it cannot change
// the job.
func TestCustomPayload(t *testing.T) {
	t.Parallel()
	r := New(Config{Payload: func(kind string, payload []byte) []byte {
		if kind == "secret" {
			return nil
		}
		payload[0] = 'X'
		return []byte(`{"password":"canary"}`)
	}})
	payload := []byte{1, 2, 3}
	if got := r.Payload("proto", payload); got != "{\n  \"password\": \"[hidden]\"\n}" || payload[0] != 1 {
		t.Errorf("%s, %v", got, payload)
	}
	if got := r.Payload("secret", payload); got != "[3 bytes, hidden]" {
		t.Error(got)
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{Keys: []string{""}}, {Keys: []string{"--"}}, {Keys: make([]string, maxKeys+1)}, {Kinds: map[string]Kind{"k": {Keys: []string{" "}}}}} {
		if err := cfg.Validate(); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%v", err)
		}
	}
	if err := (&Config{Keys: []string{"konto"}}).Validate(); err != nil {
		t.Error(err)
	}
}
