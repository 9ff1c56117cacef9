"""The machine: Docker engines, what they start from, and what runs on it."""
