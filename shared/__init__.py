"""What crosses services, and nothing else."""
