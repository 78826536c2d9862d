package redistest

import (
	"strings"
	"testing"
)

// StartCluster starts a cluster of one node that owns every slot, so that it
// refuses what a real cluster would: keys of different slots in one script.
// Its URL is redis+cluster://host:port.
func StartCluster(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := StartTCP(tb, append([]string{
		"--cluster-enabled", "yes",
		"--cluster-announce-ip", "127.0.0.1",
	}, args...)...)
	s.cluster = true

	if err := s.Client().ClusterAddSlotsRange(tb.Context(), 0, 16383).Err(); err != nil {
		tb.Fatal(err)
	}
	s.awaitSlots()
	return s
}

// awaitSlots waits out the two seconds for which a node that has just started
// refuses its own slots.
func (s *Server) awaitSlots() {
	s.tb.Helper()
	client := s.Client()
	Eventually(s.tb, startTimeout, func() bool {
		info, err := client.ClusterInfo(s.tb.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	}, "the cluster did not reach cluster_state:ok")
}
