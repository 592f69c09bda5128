"""The planner's runbooks: versions of the files, and a library of those that are active."""
