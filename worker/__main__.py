"""`python -m worker` is `llm-worker run`."""

import sys

from worker.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
