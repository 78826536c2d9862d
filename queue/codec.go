package queue

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"
)

// A record in the jobs hash is an envelope, which is written once:
//
//	version   1 byte
//	checksum  4 bytes, CRC32C of all that follows, big-endian
//	flags     uvarint: which of the optional fields follow, in the order of the constants below
//	kind      uvarint length and bytes
//	fields    as flagged
//	payload   the rest
//
// Whoever changes the form raises envelopeVersion and keeps the old form readable: a job may wait for
// a year.
const (
	envelopeVersion = 1
	checksumEnd     = 5
)

const (
	hasPriority = 1 << iota
	hasMaxAttempts
	hasBackoff
	hasExpires
	hasRetain
	hasTags
	hasHeaders
	hasUnique
	hasCreated
	knownFlags = 1<<iota - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeEnvelope writes a validated job whose defaults are filled in, over what is in buf. The creation
// time is kept only beside an ID that does not tell it.
func encodeEnvelope(buf []byte, j *Job, created time.Time) []byte {
	b := append(slices.Grow(buf[:0], 32+len(j.Kind)+len(j.Payload)), make([]byte, checksumEnd)...)
	b[0] = envelopeVersion
	b = binary.AppendUvarint(b, envelopeFlags(j))
	b = appendString(b, j.Kind)
	if j.Priority != Normal {
		b = append(b, byte(j.Priority))
	}
	if j.MaxAttempts != 0 {
		b = binary.AppendUvarint(b, uint64(j.MaxAttempts))
	}
	if len(j.Backoff) > 0 {
		b = binary.AppendUvarint(b, uint64(len(j.Backoff)))
		for _, d := range j.Backoff {
			b = binary.AppendUvarint(b, uint64(d.Milliseconds()))
		}
	}
	if !j.Expires.IsZero() {
		b = binary.AppendUvarint(b, uint64(j.Expires.UnixMilli()))
		b = append(b, byte(j.OnExpiry))
	}
	if j.Retain > 0 {
		b = binary.AppendUvarint(b, uint64(j.Retain.Milliseconds()))
	}
	if len(j.Tags) > 0 {
		b = binary.AppendUvarint(b, uint64(len(j.Tags)))
		for _, tag := range j.Tags {
			b = appendString(b, tag)
		}
	}
	if len(j.Headers) > 0 {
		b = binary.AppendUvarint(b, uint64(len(j.Headers)))
		for _, name := range slices.Sorted(maps.Keys(j.Headers)) {
			b = appendString(b, name)
			b = appendString(b, j.Headers[name])
		}
	}
	if j.Unique.Key != "" {
		b = append(b, byte(j.Unique.Scope))
		b = binary.AppendUvarint(b, uint64(j.Unique.Window.Milliseconds()))
		b = appendString(b, j.Unique.Key)
	}
	if _, told := idTime(j.ID); !told {
		b = binary.AppendUvarint(b, uint64(created.UnixMilli()))
	}
	b = append(b, j.Payload...)
	binary.BigEndian.PutUint32(b[1:checksumEnd], crc32.Checksum(b[checksumEnd:], castagnoli))
	return b
}

func envelopeFlags(j *Job) uint64 {
	_, told := idTime(j.ID)
	var flags uint64
	for i, set := range [...]bool{
		j.Priority != Normal, j.MaxAttempts != 0, len(j.Backoff) > 0, !j.Expires.IsZero(), j.Retain > 0,
		len(j.Tags) > 0, len(j.Headers) > 0, j.Unique.Key != "", !told,
	} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// envelope is what a decoded envelope says.
type envelope struct {
	job     Job
	created time.Time
}

// decodeEnvelope reads a record of the jobs hash. The payload is a part of b, not a copy. Its errors are
// ErrDamaged and ErrNewerVersion.
func decodeEnvelope(id string, b []byte) (envelope, error) {
	if len(b) < checksumEnd {
		return envelope{}, fmt.Errorf("%w: %d bytes", ErrDamaged, len(b))
	}
	if b[0] > envelopeVersion {
		return envelope{}, fmt.Errorf("%w: %d, this dueq knows up to %d", ErrNewerVersion, b[0], envelopeVersion)
	}
	if b[0] == 0 || binary.BigEndian.Uint32(b[1:checksumEnd]) != crc32.Checksum(b[checksumEnd:], castagnoli) {
		return envelope{}, fmt.Errorf("%w: checksum does not match", ErrDamaged)
	}
	r := reader{rest: b[checksumEnd:]}
	flags := r.uvarint()
	if flags > knownFlags {
		return envelope{}, fmt.Errorf("%w: unknown fields", ErrDamaged)
	}
	e := envelope{job: Job{ID: id, Kind: r.text()}}
	r.fields(flags, &e)
	if r.failed {
		return envelope{}, fmt.Errorf("%w: cut off", ErrDamaged)
	}
	e.job.Payload = r.rest
	return e, nil
}

// reader takes an envelope apart; after the first field that does not fit it gives zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) fields(flags uint64, e *envelope) {
	j := &e.job
	if flags&hasPriority != 0 {
		j.Priority = Priority(r.octet())
	}
	if flags&hasMaxAttempts != 0 {
		j.MaxAttempts = int(r.uvarint())
	}
	if flags&hasBackoff != 0 {
		for range r.count() {
			j.Backoff = append(j.Backoff, r.millis())
		}
	}
	if flags&hasExpires != 0 {
		j.Expires = time.UnixMilli(int64(r.uvarint()))
		j.OnExpiry = ExpiryPolicy(r.octet())
	}
	if flags&hasRetain != 0 {
		j.Retain = r.millis()
	}
	if flags&hasTags != 0 {
		for range r.count() {
			j.Tags = append(j.Tags, r.text())
		}
	}
	if flags&hasHeaders != 0 {
		j.Headers = map[string]string{}
		for range r.count() {
			name := r.text()
			j.Headers[name] = r.text()
		}
	}
	if flags&hasUnique != 0 {
		j.Unique.Scope = UniqueScope(r.octet())
		j.Unique.Window = r.millis()
		j.Unique.Key = r.text()
	}
	if flags&hasCreated != 0 {
		e.created = time.UnixMilli(int64(r.uvarint()))
	} else {
		e.created, _ = idTime(j.ID)
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) millis() time.Duration { return time.Duration(r.uvarint()) * time.Millisecond }

func (r *reader) octet() byte {
	if len(r.rest) == 0 {
		r.failed = true
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

// count reads how many entries follow; each is at least one byte, so more than are left is damage.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.failed, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
