"""The promises. Folders follow the rooms; `support/` holds what tests share."""
