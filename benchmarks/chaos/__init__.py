"""The chaos suite: distributions under every fault, judged by the relay's own record."""
