package load

import "time"

// WorkerConfig is how a worker process behaves. Its zero fields are those of a Fleet's Worker.
type WorkerConfig struct {
	Clients     int           // each with connections and a worker of its own; default 1
	Concurrency int           // of each; default 16
	Grace       time.Duration // of a SIGTERM; default 10 s
	ReapGrace   time.Duration // default 3 s
	Schedulers  int           // of the process, each a mover, a reaper and a janitor; default 1, negative: none
	RunFor      time.Duration // of a job, 0 to twice this; default 5 ms
	AtLeast     time.Duration // of a job, beside RunFor
	// Stubborn is how long a handler runs on when its context has ended, to return nil then.
	Stubborn   time.Duration
	MaxRuntime time.Duration // default 1 h
	Clock      time.Duration // how far its clock of the day is off; see Fleet.Binary
}

// ProducerConfig is what a producer process enqueues: jobs First to First+Jobs-1, each retried under
// its own ID until the answer is nil or definite.
type ProducerConfig struct {
	First, Jobs uint32
	Goroutines  int           // default 32
	Delay       time.Duration // of each job, at most; spread evenly from 0
	Due         time.Time     // one moment for all, instead of Delay
	Kind        string        // default KindWork
	Payload     int           // bytes, default 64
	PerSecond   int           // of this process; default: as fast as it goes
	Replicas    int           // queue.Replicated(n, 1 s) where over 0
	Retain      time.Duration // of a done job with its payload; default: as long as dueq keeps a chosen ID
	Expires     time.Time     // of each job; default: never
	Clock       time.Duration // how far its clock of the day is off; see Fleet.Binary
}

// The kinds of jobs that workers run.
const (
	KindWork = "work" // sleeps and returns nil
	KindExit = "exit" // ends the process
	KindSpin = "spin" // never returns, and its process is lost with it
)

// settings is what a child is told, by its environment.
type settings struct {
	Number     uint16
	Dir        string
	URL, Queue string
	Lease      time.Duration
	Clock      time.Duration
	Worker     *WorkerConfig   `json:",omitempty"`
	Producer   *ProducerConfig `json:",omitempty"`
}

// env is the variable that makes a process a child.
const env = "DUEQ_CHAOS_CHILD"

func (c WorkerConfig) withDefaults() WorkerConfig {
	if c.Clients == 0 {
		c.Clients = 1
	}
	if c.Concurrency == 0 {
		c.Concurrency = 16
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.ReapGrace == 0 {
		c.ReapGrace = 3 * time.Second
	}
	if c.Schedulers == 0 {
		c.Schedulers = 1
	}
	if c.RunFor == 0 {
		c.RunFor = 5 * time.Millisecond
	}
	return c
}

func (c ProducerConfig) withDefaults() ProducerConfig {
	if c.Goroutines == 0 {
		c.Goroutines = 32
	}
	if c.Kind == "" {
		c.Kind = KindWork
	}
	if c.Payload == 0 {
		c.Payload = 64
	}
	return c
}

// takes is how long the jobs take to come, by their rate; 0 for as fast as it goes.
func (c ProducerConfig) takes() time.Duration {
	if c.PerSecond == 0 {
		return 0
	}
	return time.Duration(c.Jobs) * time.Second / time.Duration(c.PerSecond)
}
