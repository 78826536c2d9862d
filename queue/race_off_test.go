//go:build !race

package queue_test

// raceDetector says that everything is several times slower.
const raceDetector = false
