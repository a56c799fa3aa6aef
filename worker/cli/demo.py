"""`llm-worker demo`."""


def demo() -> None:
    """Run everything on this machine."""
    raise NotImplementedError
