"""Pages: what links in mail lead to, the outbox, and what operators look at."""
