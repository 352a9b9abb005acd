"""What tests share: real servers of their own, a browser, other people's mail readers."""
