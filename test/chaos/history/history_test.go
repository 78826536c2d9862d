package history_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// Records of two processes, written by many goroutines at once, all come back as they were.
func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const each = 200
	var writers sync.WaitGroup
	for worker := range uint16(2) {
		w, err := history.Create(dir, worker+1)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint32(each) {
			writers.Go(func() {
				w.Add(history.Record{Token: -int64(seq), Seq: seq, Aux: -5, Type: history.Started, Attempt: 3})
			})
		}
	}
	before := history.Now()
	writers.Wait()
	got, err := history.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[history.Record]bool{}
	for _, r := range got {
		if r.Mono <= 0 || r.Mono > history.Now() || history.Since(before, r.Mono) > history.Since(before, history.Now()) {
			t.Fatalf("time %d", r.Mono)
		}
		r.Mono = 0
		seen[r] = true
	}
	for worker := range uint16(2) {
		for seq := range uint32(each) {
			want := history.Record{Token: -int64(seq), Seq: seq, Aux: -5, Type: history.Started, Attempt: 3, Worker: worker + 1}
			if !seen[want] {
				t.Fatalf("missing %+v", want)
			}
		}
	}
	if len(got) != 2*each {
		t.Fatalf("%d records, want %d", len(got), 2*each)
	}
}

func TestReadRefusesAPart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "00001.history"), make([]byte, history.Size+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Read(dir); err == nil {
		t.Fatal("a record that was cut off was read")
	}
}
