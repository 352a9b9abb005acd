"""How a release is read: decode, lines, header, body, tail; one module per thing that is read."""
