"""The process itself, and several of them under one parent."""

from worker.observability.catalogue.metric import Group

OF_PARENT = Group("Several processes, from their parent (`run --processes N`)")

PROCESS_UP = OF_PARENT.gauge(
    "process_up", "Whether a process runs and answers (1) or not (0).", "process"
)
PROCESS_DEATHS = OF_PARENT.counter(
    "process_deaths", "Processes that ended unasked, and were replaced.", "process"
)


OF_PROCESS = Group(
    "The process, on Linux, under the names that all Prometheus clients use", "process_"
)
OF_PROCESS.counter("cpu_seconds", "Processor time, user and system.")
OF_PROCESS.gauge("resident_memory_bytes", "Memory it has now.")
OF_PROCESS.gauge("virtual_memory_bytes", "Address space it has now.")
OF_PROCESS.gauge("start_time_seconds", "When it began, in Unix seconds.")
OF_PROCESS.gauge("open_fds", "Files and connections that are open.")
OF_PROCESS.gauge("max_fds", "How many may be.")
