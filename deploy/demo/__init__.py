"""The demo: a real service on this machine, broken, and brought back by the whole loop."""
