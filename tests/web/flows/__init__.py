"""What subscribers do, from a mail's own link through a browser to the row in the database."""
