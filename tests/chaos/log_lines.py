"""What a worker's log line says, without reading all of it."""


def says(line: str, field: str, value: str) -> bool:
    """Whether a line has this text in this field; as JSON lines are written, without spaces."""
    return f'"{field}":"{value}"' in line
