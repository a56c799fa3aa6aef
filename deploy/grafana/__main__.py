"""`python -m deploy.grafana`: write the board to `dashboards/llm-worker.json`."""

from deploy.grafana.board import BOARD_FILE, board_text

BOARD_FILE.write_text(board_text(), encoding="utf-8")
