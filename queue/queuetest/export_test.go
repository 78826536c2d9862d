package queuetest

// LimitRuns makes RunDue take n runs for endless.
func LimitRuns(q *Queue, n int) { q.maxRuns = n }
