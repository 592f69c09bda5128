"""What people said in advance: delegations, and windows in which a runbook needs no other yes."""
