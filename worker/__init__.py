"""What runs in the background: tasks, and the socket side of the SMTP client."""
