"""Search by meaning in the planner, where ``handrail[embeddings]`` is installed."""
