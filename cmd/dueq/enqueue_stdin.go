package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dueq-io/dueq/queue"
)

// streamBatch is how many lines are enqueued in one call at most.
const streamBatch = 500

// line is one line of input, as a job or with what is wrong with it.
type line struct {
	number int
	job    queue.Job
	err    error
}

// stream enqueues the lines of standard input.
func (o *enqueueOptions) stream(ctx context.Context, cfg *config, p *process) error {
	client, err := cfg.produce(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &stream{o: o, p: p, out: bufio.NewWriter(p.out), client: client, progress: newProgress(p.errOut)}
	err = s.pump(ctx, readLines(ctx, p.in, cfg.maxPayload))
	s.progress.done()
	if flushErr := s.out.Flush(); flushErr != nil {
		err = errors.Join(err, flushErr)
	}
	if err != nil {
		return err
	}
	if s.failed > 0 {
		return fmt.Errorf("%d of %s not enqueued", s.failed, plural(s.enqueued+s.failed, "job"))
	}
	return nil
}

// stream is the state of one enqueue --stdin.
type stream struct {
	o                *enqueueOptions
	p                *process
	out              *bufio.Writer
	client           *queue.Client
	progress         *progress
	enqueued, failed int
}

// pump sends what has been read as soon as nothing more is there to be read, so that a slow producer's
// lines do not wait for a full batch.
func (s *stream) pump(ctx context.Context, lines <-chan line) error {
	for {
		batch, open, err := gather(ctx, lines)
		if err != nil {
			return err
		}
		if err := s.send(ctx, batch); err != nil {
			return err
		}
		s.progress.show("enqueued %d", s.enqueued)
		if !open {
			return nil
		}
	}
}

// gather waits for one line and takes those that are there already.
func gather(ctx context.Context, lines <-chan line) (batch []line, open bool, err error) {
	select {
	case l, ok := <-lines:
		if !ok {
			return nil, false, nil
		}
		batch = append(batch, l)
	case <-ctx.Done():
		return nil, false, errors.New("interrupted: lines that were not reported are not enqueued")
	}
	for len(batch) < streamBatch {
		select {
		case l, ok := <-lines:
			if !ok {
				return batch, false, nil
			}
			batch = append(batch, l)
		default:
			return batch, true, nil
		}
	}
	return batch, true, nil
}

// send enqueues a batch and reports each of its lines in order. Its error ends the stream.
func (s *stream) send(ctx context.Context, batch []line) error {
	if s.o.strict {
		batch = untilBad(batch)
	}
	var jobs []queue.Job
	for _, l := range batch {
		if l.err == nil {
			jobs = append(jobs, l.job)
		}
	}
	// What failed is in the results, job by job.
	results, _ := s.client.EnqueueMany(ctx, jobs)
	var fatal error
	for _, l := range batch {
		id := ""
		if l.err == nil {
			id, l.err = results[0].ID, results[0].Err
			if l.err != nil {
				l.err = enqueueError(id, l.err)
			}
			results = results[1:]
		}
		if err := s.report(l, id); err != nil {
			return err
		}
		if fatal == nil && l.err != nil && (s.o.strict || stops(l.err)) {
			fatal = fmt.Errorf("stopped at line %d: %w", l.number, l.err)
		}
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	return fatal
}

func untilBad(batch []line) []line {
	for i, l := range batch {
		if l.err != nil {
			return batch[:i+1]
		}
	}
	return batch
}

// report says what became of one line: the ID on standard output, an error on standard error.
func (s *stream) report(l line, id string) error {
	if l.err == nil {
		s.enqueued++
		if s.o.json {
			return writeLine(s.out, map[string]any{"line": l.number, "queue": l.job.Queue, "id": id})
		}
		_, err := fmt.Fprintln(s.out, id)
		return err
	}
	s.failed++
	text := oneLine(l.err.Error())
	if s.o.json {
		return writeLine(s.out, map[string]any{"line": l.number, "error": text})
	}
	s.progress.done()
	_, err := fmt.Fprintf(s.p.errOut, "line %d: %s\n", l.number, text)
	return err
}

// readLines parses lines on a goroutine of its own: a read from a terminal cannot be interrupted.
func readLines(ctx context.Context, in io.Reader, maxPayload int) <-chan line {
	// Base64 and escapes make a payload longer than it is.
	const blowUp, besides = 6, 64 << 10
	limit := maxPayload*blowUp + besides
	out := make(chan line, streamBatch)
	go func() {
		defer close(out)
		r := bufio.NewReaderSize(in, besides)
		for number := 1; ; number++ {
			text, err := readLine(r, limit)
			if errors.Is(err, io.EOF) {
				return
			}
			l := line{number: number, err: err}
			if err == nil {
				if len(bytes.TrimSpace(text)) == 0 {
					continue
				}
				l.job, l.err = parseLine(text)
			}
			select {
			case out <- l:
			case <-ctx.Done():
				return
			}
			if err != nil && !errors.Is(err, errLongLine) {
				return
			}
		}
	}()
	return out
}

var errLongLine = errors.New("the line is too long")

// readLine reads to the end of a line, and of one that is too long keeps nothing. io.EOF: no more lines.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var text []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > limit; long {
			text = nil
		} else {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(text) > 0 || long), err == nil:
			if long {
				return nil, fmt.Errorf("%w: over %d bytes", errLongLine, limit)
			}
			return text, nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, fmt.Errorf("read standard input: %w", err)
		}
	}
}

// parseLine makes a job of a line. A field that is not one of ours is refused: a typing error would
// otherwise make a job that is not the one that was meant.
func parseLine(text []byte) (queue.Job, error) {
	var s spec
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return queue.Job{}, fmt.Errorf("not a job in JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return queue.Job{}, errors.New("more than one JSON value on the line")
	}
	payload, err := s.payload()
	if err != nil {
		return queue.Job{}, err
	}
	return s.job(payload)
}
