"""The processes that work together, and what they say to each other."""
