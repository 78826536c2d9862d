// Package history is what the processes of a run saw, written so that it outlives them.
//
// Every event is one record of fixed size and one write(2) to a file opened with O_APPEND: what was
// written is in the kernel's page cache, so a SIGKILL right after it takes nothing away.
package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Type is what happened.
type Type uint8

// The types. Those from WorkerKilled on are written by the harness itself: Worker names the process.
const (
	EnqueueInvoked Type = iota + 1 // Aux: the delay in ms
	EnqueueOK
	EnqueueFailed  // refused for certain
	EnqueueUnknown // the producer gave up without a definite answer
	Started        // a handler began; Aux: lateness in ms by Redis's clock
	EndedOK        // the handler is about to return nil
	EndedError     // the handler is about to return an error
	ContextEnded   // the handler's context ended while it ran
	AckOK          // Redis's answer to the ack reached the worker
	AckRefused     // so did a refusal
	EnqueueError   // one call failed; the producer repeats it
	Census         // Aux: goroutines of an idle process
	PayloadChanged // a handler got other bytes than were enqueued
	PeakMemory     // of a process that ends; Aux: KiB
	WorkerKilled
	WorkerPaused
	WorkerResumed
	WorkerStopping // SIGTERM
	RedisFault     // Redis was killed, stopped, cut off or failed over
	RedisHealed
	ClockShifting // Redis's clock is being set; Aux: by how many ms
	ClockShifted
)

// Size is the length of one record in the file.
const Size = 32

// Record is one event.
type Record struct {
	Mono   int64  // CLOCK_MONOTONIC in ns: comparable between the processes of one host
	Token  int64  // of the lease, 0 where there is none
	Seq    uint32 // which job
	Aux    int32
	Worker uint16
	Type   Type
	// Attempt is which one a start was, as its worker was told; 255 stands for all above.
	Attempt uint8
}

// Now is this host's monotonic clock, the same in every process.
func Now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("history: CLOCK_MONOTONIC cannot be read: %v", err))
	}
	return ts.Nano()
}

// Writer appends the records of one process. It is safe for concurrent use, as write(2) with O_APPEND is.
type Writer struct {
	file   *os.File
	worker uint16
}

// Create opens the history of a process, which worker names.
func Create(dir string, worker uint16) (*Writer, error) {
	name := filepath.Join(dir, fmt.Sprintf("%05d.history", worker))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &Writer{file: file, worker: worker}, nil
}

// Add appends r with the time of now.
func (w *Writer) Add(r Record) {
	r.Mono = Now()
	if r.Worker == 0 {
		r.Worker = w.worker
	}
	b := r.bytes()
	if _, err := w.file.Write(b[:]); err != nil {
		// A history with a gap would accuse the queue of what the harness forgot.
		panic(fmt.Sprintf("history: %v: free disk space and run again", err))
	}
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

func (r Record) bytes() (b [Size]byte) {
	binary.LittleEndian.PutUint64(b[0:], uint64(r.Mono))
	binary.LittleEndian.PutUint64(b[8:], uint64(r.Token))
	binary.LittleEndian.PutUint32(b[16:], r.Seq)
	binary.LittleEndian.PutUint32(b[20:], uint32(r.Aux))
	binary.LittleEndian.PutUint16(b[24:], r.Worker)
	b[26], b[27] = byte(r.Type), r.Attempt
	return b
}

func parse(b []byte) Record {
	return Record{
		Mono:   int64(binary.LittleEndian.Uint64(b[0:])),
		Token:  int64(binary.LittleEndian.Uint64(b[8:])),
		Seq:    binary.LittleEndian.Uint32(b[16:]),
		Aux:    int32(binary.LittleEndian.Uint32(b[20:])),
		Worker: binary.LittleEndian.Uint16(b[24:]),
		Type:   Type(b[26]), Attempt: b[27],
	}
}

// Read returns the records of every process of a run, in no order between processes.
func Read(dir string) ([]Record, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.history"))
	if err != nil {
		return nil, err
	}
	var out []Record
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if len(b)%Size != 0 {
			return nil, errors.New("history: " + name + " ends within a record: was the disk full?")
		}
		for ; len(b) > 0; b = b[Size:] {
			out = append(out, parse(b))
		}
	}
	return out, nil
}

// Since is the time from one moment of Now to another.
func Since(from, to int64) time.Duration { return time.Duration(to - from) }
