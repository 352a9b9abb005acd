"""Limits of relays and domains: what may go now, shared by all workers."""
