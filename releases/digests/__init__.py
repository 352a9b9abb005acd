"""Digests: who is due, what they lack, and the distributions that bring it (docs/adr/0020)."""
