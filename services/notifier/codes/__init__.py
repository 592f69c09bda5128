"""One-time codes: a second way to know that it is the person whom a link was made for."""
