package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzEnvelope decodes any bytes, as they are and with the version and the checksum put right, which a
// fuzzer would not guess.
func FuzzEnvelope(f *testing.F) {
	now := time.UnixMilli(1_700_000_000_000)
	full := Job{
		ID: "a", Kind: "sms.send", Payload: []byte("payload"), Priority: High, MaxAttempts: 3,
		Backoff: []time.Duration{time.Second, time.Minute}, Expires: now, OnExpiry: DropExpired, Retain: time.Hour,
		Tags: []string{"one", "two"}, Headers: map[string]string{"h": "v"}, Unique: Unique{Key: "k", Scope: ForWindow, Window: time.Minute},
	}
	f.Add("a", encodeEnvelope(nil, &full, now))
	f.Add(newID(), encodeEnvelope(nil, &Job{ID: newID(), Kind: "k"}, now))
	f.Add("", []byte{})
	f.Add("a", []byte{envelopeVersion + 1, 0, 0, 0, 0})
	f.Add("a", []byte{envelopeVersion, 0, 0, 0, 0, hasTags, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, id string, b []byte) {
		checkDecoding(t, id, b)
		if len(b) > checksumEnd {
			b[0] = envelopeVersion
			binary.BigEndian.PutUint32(b[1:checksumEnd], crc32.Checksum(b[checksumEnd:], castagnoli))
			checkDecoding(t, id, b)
		}
	})
}

// checkDecoding: what a decoded envelope holds cannot be larger than its bytes, whatever lengths they
// speak of.
func checkDecoding(t *testing.T, id string, b []byte) {
	t.Helper()
	e, err := decodeEnvelope(id, b)
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewerVersion) {
			t.Fatalf("%v is no error of an envelope", err)
		}
		return
	}
	j := e.job
	text := len(j.Kind) + len(j.Payload) + len(j.Unique.Key)
	for _, tag := range j.Tags {
		text += len(tag)
	}
	for name, value := range j.Headers {
		text += len(name) + len(value)
	}
	if entries := len(j.Tags) + len(j.Backoff) + 2*len(j.Headers); text+entries > len(b) {
		t.Fatalf("%d bytes hold %d of text and %d entries", len(b), text, entries)
	}
}

// FuzzEnvelopeRoundTrip encodes any job and decodes it.
func FuzzEnvelopeRoundTrip(f *testing.F) {
	f.Add("a", "k", []byte("p"), byte(0), uint32(0), int64(0), int64(0), "", "")
	f.Add("01ARZ3NDEKTSV4RRFFQ69G5FAV", "sms.send", []byte{0, 255}, byte(1), uint32(25), int64(time.Minute), int64(1_700_000_000_000), "tag", "key")
	f.Fuzz(func(t *testing.T, id, kind string, payload []byte, small byte, attempts uint32, wait, moment int64, label, key string) {
		ms := time.Duration(uint64(wait)%uint64(limitMaxDelay.Milliseconds())) * time.Millisecond
		job := Job{
			ID: id, Kind: kind, Payload: payload, Priority: Priority(small % 3), MaxAttempts: int(attempts),
			Retain: ms, Unique: Unique{Key: key},
		}
		if label != "" {
			job.Tags = []string{label, "", label}
			job.Headers = map[string]string{label: key, label + "2": ""}
			job.Backoff = []time.Duration{0, ms}
			job.Expires, job.OnExpiry = time.UnixMilli(int64(uint64(moment)>>1)), ExpiryPolicy(small%3)
		}
		if key != "" {
			job.Unique.Scope, job.Unique.Window = UniqueScope(small%3), ms
		}
		created := time.UnixMilli(1_700_000_000_000)
		e, err := decodeEnvelope(id, encodeEnvelope(nil, &job, created))
		if err != nil {
			t.Fatal(err)
		}
		if told, ok := idTime(id); ok {
			created = told
		}
		if got, want := jobLine(&e.job), jobLine(&job); got != want || e.job.ID != id || !e.created.Equal(created) {
			t.Errorf("got\n%s %v, want\n%s %v", got, e.created, want, created)
		}
		if !slices.Equal(e.job.Tags, job.Tags) || !maps.Equal(e.job.Headers, job.Headers) || !slices.Equal(e.job.Backoff, job.Backoff) {
			t.Errorf("got %q %q %v", e.job.Tags, e.job.Headers, e.job.Backoff)
		}
	})
}

// secret marks passwords in FuzzURL: no message says it by itself.
const secret = "s3cret"

// FuzzURL opens any URL. Connecting is not part of it.
func FuzzURL(f *testing.F) {
	schemes := []string{"redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster", "memory", "http", ""}
	for i := range schemes {
		f.Add(uint8(i), "", "localhost:6379", "0")
		f.Add(uint8(i), "@[", "a:1,b:2", "mymaster/0?read_timeout=1s&sentinel_password=x")
		f.Add(uint8(i), "/", "localhost", "x/y/z")
		f.Add(uint8(i), "?#", "[::1]:6379", "?pool_size=99999999999")
		f.Add(uint8(i), "%zz", "[::1", "?pool_size=-1&db=x&addr=:")
	}
	f.Fuzz(func(t *testing.T, scheme uint8, odd, host, tail string) {
		if strings.Contains(tail, "min_idle") {
			t.Skip("would connect")
		}
		for _, at := range []string{
			"user:" + secret + odd + "@" + host + "/" + tail,
			"user:" + odd + secret + "@" + host + "/" + tail,
			host + "/" + tail + "?password=" + secret + odd,
			host + "/" + tail + "&sentinel_password=" + odd + secret,
		} {
			client, err := dial(schemes[int(scheme)%len(schemes)] + "://" + at)
			if err == nil {
				_ = client.Close()
				continue
			}
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("tells the password: %v", err)
			}
		}
	})
}

// FuzzBackoff: a wait is never negative and never above the limit.
func FuzzBackoff(f *testing.F) {
	f.Add(1, int64(time.Second), int64(time.Hour))
	f.Add(math.MaxInt, int64(1), int64(math.MaxInt64))
	f.Add(63, int64(1), int64(math.MaxInt64))
	f.Add(math.MinInt, int64(math.MinInt64), int64(-1))
	f.Add(0, int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, failures int, a, b int64) {
		base, limit := time.Duration(a), time.Duration(b)
		if got := Exponential(base, limit)(failures); got < 0 || got > max(limit, 0) {
			t.Errorf("Exponential(%v, %v)(%d) = %v", base, limit, failures, got)
		}
		if got := Constant(base)(failures); got != max(base, 0) {
			t.Errorf("Constant(%v)(%d) = %v", base, failures, got)
		}
		if got := Table(base, limit)(failures); got != max(limit, 0) && (got != max(base, 0) || failures > 1) {
			t.Errorf("Table(%v, %v)(%d) = %v", base, limit, failures, got)
		}
		if got := Table()(failures); got != 0 {
			t.Errorf("Table()(%d) = %v", failures, got)
		}
	})
}

// FuzzFaults reads any entry of the faults hash, and what comes of it goes round once more.
func FuzzFaults(f *testing.F) {
	f.Add("")
	f.Add("1 0 - []")
	f.Add("1 1@99999999999999999 done []")
	f.Add(`3 2 crash-loop [{"at":"2026-01-01T00:00:00Z","attempt":1,"error":"x"}]`)
	f.Add("-1 99999999999999999999 - null")
	f.Add("0 0 - " + strings.Repeat("[", 10_000))
	f.Fuzz(func(t *testing.T, entry string) {
		got := parseFaults(entry)
		if got.failures < 0 || got.lost < 0 {
			t.Errorf("%+v", got)
		}
		if _, err := json.Marshal(got.lostAt); err != nil {
			t.Error(err)
		}
		d := Delivery{Failures: got.failures, LostLeases: got.lost, Errors: got.errors}
		again := parseFaults("1 2 - " + d.withFailure(errors.New(entry), time.Now()))
		if len(again.errors) != min(len(got.errors)+1, maxFailures) || len(again.errors[0].Error) > maxErrorBytes {
			t.Errorf("%d errors of %d", len(again.errors), len(got.errors))
		}
	})
}

// FuzzReply reads replies that no script of ours gives: any words in any places.
func FuzzReply(f *testing.F) {
	f.Add([]byte("sOK\x00i\x01i\x02i\x01l"))
	f.Add([]byte("sPAUSED\x00"))
	f.Add([]byte("l"))
	f.Add([]byte("i\x01sLOST\x00sdetail\x00"))
	f.Add([]byte("sOK\x00i\x01i\x02i\x01ls1700000000000a\x00s1\x00n"))
	s := newShard("dueq", "q", 0)
	f.Fuzz(func(t *testing.T, b []byte) {
		words := wordsOf(b)
		ds, _, err := parseLease(s, words, time.Minute)
		if err != nil && (len(ds) > 0 || strings.Contains(err.Error(), "%!w(<nil>)")) {
			t.Errorf("%d deliveries, %v", len(ds), err)
		}
		if err == nil && len(ds) != len(words)-leaseHeader {
			t.Errorf("%d deliveries of %d words", len(ds), len(words))
		}
		for _, width := range []int{2, 3} {
			batch := []*entry{{}, {}}
			g := group{script: ackScript, width: width}
			if err := g.note(batch, words); err == nil && len(words)%width != 0 {
				t.Errorf("accepted %v", words)
			}
		}
		if _, _, err := parseLease(s, b, time.Minute); err == nil {
			t.Error("accepted bytes")
		}
	})
}

// wordsOf makes a reply of bytes: i and a byte is a number, s and text up to a zero is a string, l is a
// list of all strings before, anything else nil.
func wordsOf(b []byte) []any {
	words, texts := []any{}, []any{}
	for len(b) > 0 {
		kind := b[0]
		b = b[1:]
		switch {
		case kind == 'i' && len(b) > 0:
			words = append(words, int64(int8(b[0])))
			b = b[1:]
		case kind == 's':
			text, rest, _ := strings.Cut(string(b), "\x00")
			b = []byte(rest)
			words, texts = append(words, text), append(texts, text)
		case kind == 'l':
			words = append(words, slices.Clone(texts))
		default:
			words = append(words, nil)
		}
	}
	return words
}
