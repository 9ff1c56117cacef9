"""What the sandbox reports to the person who started it."""


class SandboxError(Exception):
    """A part of the sandbox cannot be provided; the message says which, why, and what to do."""
