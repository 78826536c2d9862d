package fault

// nodeRows are the rows that need servers of a special kind: several, full, or with a broken disk.
func nodeRows() []Row {
	return []Row{sentinelFailover, sentinelControl, cluster, powerCut, memoryFull, diskFull, network, halfOpen, refusal}
}
