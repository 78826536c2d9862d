package queue

import "time"

// Process is the program that a member of the fleet runs in.
type Process struct {
	// ID is one Client of the program, and no other ever.
	ID string `json:"id"`
	// Name is Config.Name of the client, Host and PID say where it runs, Version is that of dueq in it.
	Name    string `json:"name"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// Started is when the client began, by the program's clock.
	Started time.Time `json:"started"`
	// Beat is when the program last said that it lives, by Redis's clock, and Every how often it does. It is gone ten
	// times as long after that.
	Beat  time.Time     `json:"beat"`
	Every time.Duration `json:"beat_every_ns"`
}

// WorkerState is what a worker does.
type WorkerState string

// The states of a worker.
const (
	// WorkerRunning leases jobs.
	WorkerRunning WorkerState = "running"
	// WorkerQuiet was told to lease no more.
	WorkerQuiet WorkerState = "quiet"
	// WorkerStopping lets its handlers finish, and then its Run returns.
	WorkerStopping WorkerState = "stopping"
)

// WorkerInfo is a worker that is alive.
type WorkerInfo struct {
	Process
	// ID is the worker; of a process with several each has its own.
	ID string `json:"worker_id"`
	// Name is the Name of the worker's Config.
	Name string `json:"worker_name"`
	WorkerReport
}

// WorkerReport is what a worker says of itself with each beat.
type WorkerReport struct {
	State WorkerState `json:"state"`
	// Queues are the queues that it serves, with their weights; of more than 100 the first 100 by name.
	Queues map[string]int `json:"queues"`
	// Concurrency is how many handlers may run at once, Busy how many jobs it has leased.
	Concurrency int `json:"concurrency"`
	Busy        int `json:"busy"`
	// Counts is what it has done since it began, by the names of worker.Stats.
	Counts map[string]int64 `json:"counts"`
	// Running are the jobs that it has leased for longest, at most 25.
	Running []RunningJob `json:"running"`
}

// RunningJob is a job that a worker has leased.
type RunningJob struct {
	ID      string `json:"id"`
	Queue   string `json:"queue"`
	Kind    string `json:"kind"`
	Attempt int    `json:"attempt"`
	// Since is when the job was leased, by the worker's clock.
	Since time.Time `json:"since"`
	// Run is the same by Redis's clock, and how the job came to be leased.
	Run
}

// ProducerInfo is a program that is alive and has enqueued jobs.
type ProducerInfo struct {
	Process
	// Queues are those that it has enqueued to, by name; of more than 100 those last used.
	Queues []Produced `json:"queues"`
	// Enqueued and Rejected are sums over all queues.
	Enqueued int64 `json:"enqueued"`
	Rejected int64 `json:"rejected"`
}

// Produced is what a producer has done to one queue since it began.
type Produced struct {
	Queue string `json:"queue"`
	// Enqueued is how many jobs Enqueue took, Rejected how many the queue or Redis refused or did not answer
	// for.
	Enqueued int64 `json:"enqueued"`
	Rejected int64 `json:"rejected"`
	// Last is when the last job was handed in, by the program's clock, to about a second.
	Last time.Time `json:"last"`
}

// SchedulerInfo is a scheduler that is alive.
type SchedulerInfo struct {
	Process
	SchedulerReport
}

// SchedulerReport is what a scheduler says of itself with each beat.
type SchedulerReport struct {
	// Queues are those that it serves; of more than 100 the first 100 by name.
	Queues []string `json:"queues"`
	// Counts is what it has done since it began, by the names of scheduler.Stats.
	Counts map[string]int64 `json:"counts"`
}

// Fleet is all that is alive in a namespace.
type Fleet struct {
	// Now is Redis's time when the fleet was read.
	Now        time.Time       `json:"now"`
	Workers    []WorkerInfo    `json:"workers"`
	Producers  []ProducerInfo  `json:"producers"`
	Schedulers []SchedulerInfo `json:"schedulers"`
}
