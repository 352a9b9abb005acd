"""The pages: what links in mail lead to, releases on the web, and the local outbox."""
