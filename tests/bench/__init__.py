"""The numbers to reach, measured: `make bench`, or `make bench ONLY=name,name`."""
