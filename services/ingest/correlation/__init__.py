"""Tickets that are one problem: put under one parent, and let go when that ends without them."""
