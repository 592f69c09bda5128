"""Bounces: mails that a server took and that came back later."""
