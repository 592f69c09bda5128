"""Records every event in the timelines of tickets."""
