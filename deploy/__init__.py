"""What operators put beside the worker: Prometheus' rules and Grafana's board."""
