"""The dashboard for Grafana that is shipped: made here, so that it names no metric that the exporter does not tell."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Chart(NamedTuple):
    """One panel: what it asks for, how each line is called, its unit (Grafana's names), its width of 24."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str
    width: int = 12


_METRIC = re.compile(r"(llmtune_\w+)(?:\{([^}]*)\})?")
_RATE = "rate({}[$__rate_interval])"

CHARTS: tuple[Chart, ...] = (
    Chart(
        "Tokens answered",
        [("llmtune_engine_decode_tokens_per_second", "{{engine}} {{pid}}")],
        "tokens/s",
    ),
    Chart("Prompt tokens", [("llmtune_engine_prompt_tokens_per_second", "{{engine}} {{pid}}")], "tokens/s"),
    Chart("Requests", [("llmtune_engine_requests", "{{state}} {{pid}}")], "short", 8),
    Chart("KV cache", [("llmtune_engine_kv_cache_usage_ratio", "{{engine}} {{pid}}")], "percentunit", 8),
    Chart("Time to first token", [("llmtune_engine_time_to_first_token_seconds", "{{engine}} {{pid}}")], "s", 8),
    Chart("GPU use", [("llmtune_gpu_utilization_ratio", "GPU {{gpu}}")], "percentunit", 8),
    Chart(
        "GPU memory",
        [('llmtune_gpu_memory_bytes{kind="used"}', "GPU {{gpu}}"), ('llmtune_gpu_memory_bytes{kind="total"}', "of")],
        "bytes",
        8,
    ),
    Chart(
        "GPU power",
        [("llmtune_gpu_power_watts", "GPU {{gpu}}"), ("llmtune_gpu_power_limit_watts", "limit of {{gpu}}")],
        "watt",
        8,
    ),
    Chart("GPU temperature", [("llmtune_gpu_temperature_celsius", "GPU {{gpu}}")], "celsius", 8),
    Chart("GPU clock", [('llmtune_gpu_clock_hertz{domain="core",value="now"}', "GPU {{gpu}}")], "hertz", 8),
    Chart("Held down by", [('llmtune_gpu_throttled{harmful="yes"}', "GPU {{gpu}}: {{reason}}")], "short", 8),
    Chart("PCIe", [("llmtune_gpu_pcie_bytes_per_second", "GPU {{gpu}} {{direction}}")], "Bps", 12),
    Chart("NVLink", [(_RATE.format("llmtune_gpu_nvlink_bytes_total"), "GPU {{gpu}} {{direction}}")], "Bps", 12),
    Chart("CPUs in use", [(f"sum by (mode) ({_RATE.format('llmtune_cpu_seconds_total')})", "{{mode}}")], "short", 8),
    Chart(
        "CPUs' worth of time of servers",
        [
            (f"sum by (pid) ({_RATE.format('llmtune_server_cpu_seconds_total')})", "{{pid}}"),
            (_RATE.format("llmtune_server_cpu_wait_seconds_total"), "{{pid}} waits"),
            (_RATE.format("llmtune_server_cgroup_throttled_seconds_total"), "{{pid}} held back by its quota"),
        ],
        "short",
        8,
    ),
    Chart(
        "Time in which tasks waited",
        [(_RATE.format("llmtune_pressure_stalled_seconds_total"), "{{resource}} {{share}}")],
        "percentunit",
        8,
    ),
    Chart("Memory", [("llmtune_memory_bytes", "{{kind}}")], "bytes", 8),
    Chart("Memory of servers", [("llmtune_server_memory_bytes", "{{pid}} {{kind}}")], "bytes", 8),
    Chart("NUMA nodes of servers' pages", [("llmtune_server_numa_bytes", "{{pid}} node {{node}}")], "bytes", 8),
    Chart(
        "Major page faults",
        [
            (_RATE.format("llmtune_major_page_faults_total"), "all"),
            (_RATE.format("llmtune_server_major_page_faults_total"), "{{pid}}"),
        ],
        "ops",
        8,
    ),
    Chart("Drives", [(_RATE.format("llmtune_drive_bytes_total"), "{{drive}} {{direction}}")], "Bps", 8),
    Chart("Drives busy", [(_RATE.format("llmtune_drive_busy_seconds_total"), "{{drive}}")], "percentunit", 8),
)


def dashboard() -> Mapping[str, object]:
    """As Grafana imports it."""
    panels: list[Mapping[str, object]] = [_verdicts(), _verdict_history()]
    x, y = 0, 13
    for number, chart in enumerate(CHARTS, len(panels) + 1):
        if x + chart.width > 24:
            x, y = 0, y + 8
        panels.append(_chart(number, chart, x, y))
        x += chart.width
    return {
        "title": "llmtune",
        "uid": "llmtune",
        "tags": ["llm", "inference"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "__inputs": [
            {
                "name": "DS_PROMETHEUS",
                "label": "Prometheus",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "templating": {
            "list": [
                {
                    "name": "instance",
                    "label": "Machine",
                    "type": "query",
                    "datasource": _SOURCE,
                    "query": "label_values(llmtune_up, instance)",
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                }
            ]
        },
        "panels": panels,
    }


def dashboard_text() -> str:
    """As a file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


_SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}


def _verdicts() -> Mapping[str, object]:
    query = "llmtune_bottleneck and on (instance, kind, subject) llmtune_bottleneck_rank == 0"
    return {
        "id": 1,
        "title": "What slows it down now",
        "type": "stat",
        "datasource": _SOURCE,
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 5},
        "targets": [_target(0, query, "{{kind}} {{subject}} ({{confidence}} confidence)")],
        "options": {"textMode": "name", "colorMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}},
    }


def _verdict_history() -> Mapping[str, object]:
    return {
        "id": 2,
        "title": "What slowed it down",
        "type": "state-timeline",
        "datasource": _SOURCE,
        "gridPos": {"x": 0, "y": 5, "w": 24, "h": 8},
        "targets": [_target(0, "max by (kind, subject) (llmtune_bottleneck)", "{{kind}} {{subject}}")],
    }


def _chart(number: int, chart: Chart, x: int, y: int) -> Mapping[str, object]:
    return {
        "id": number,
        "title": chart.title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": chart.width, "h": 8},
        "fieldConfig": {"defaults": {"unit": chart.unit, "min": 0}, "overrides": []},
        "targets": [_target(index, query, legend) for index, (query, legend) in enumerate(chart.queries)],
    }


def _target(index: int, query: str, legend: str) -> Mapping[str, object]:
    return {"refId": chr(ord("A") + index), "expr": _of_instance(query), "legendFormat": legend, "datasource": _SOURCE}


def _of_instance(query: str) -> str:
    """Each metric of the chosen machines only."""
    return _METRIC.sub(lambda found: f'{found[1]}{{{found[2] + "," if found[2] else ""}instance=~"$instance"}}', query)
