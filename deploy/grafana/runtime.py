"""The processes: which there are, and what they take."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import BYTES, FILTER, NUMBER, SECONDS, SHARE, Levels, Query, by_second, gauge, lines

EACH = "job, instance"


def dashboard() -> Dashboard:
    age = Query(f"time() - max by ({EACH}) (process_start_time_seconds{{{FILTER}}})", "{{job}} {{instance}}")
    return framed(
        "runtime",
        "Processes",
        "Processor, memory, files and loops of every process.",
        Section("Processes", [
            lines("Scraped", "1 for each process that answers.", gauge("up", EACH), unit=NUMBER),
            lines("Age", "Falls to 0 at a restart.", age, unit=SECONDS),
        ]),
        Section("What they take", [
            lines("Processor", "1 is a whole core, which is all that a process can use.",
                  by_second("process_cpu_seconds_total", EACH), unit=SHARE, levels=Levels(0.8, 0.95), width=8),
            lines("Memory", "Resident.", gauge("process_resident_memory_bytes", EACH), unit=BYTES, width=8),
            lines("Open files", "Sockets among them.", gauge("process_open_fds", EACH), unit=NUMBER, width=8),
        ]),
        Section("Inside", [
            lines("Failures of loops", "Turns of background loops that failed.",
                  by_second("posthorn_loop_failures_total", "loop")),
            lines("Collections of garbage", "By generation.",
                  by_second("python_gc_collections_total", "job, generation")),
        ]),
    )  # fmt: skip
