"""Whether a step whose turn has come may begin: policy, locks, limits, failures."""
