"""The names of all metrics that the exporter tells."""

from typing import Literal, NamedTuple


class Family(NamedTuple):
    """A metric's name, kind and help."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str


FAMILIES: tuple[Family, ...] = (
    Family("llmtune_build_info", "gauge", "1; the version."),
    Family("llmtune_up", "gauge", "1 while samples are taken in time, 0 when the last one is old."),
    Family("llmtune_sample_age_seconds", "gauge", "Age of the sample that is told here."),
    Family("llmtune_bottleneck", "gauge", "1 for each verdict that holds now."),
    Family("llmtune_bottleneck_rank", "gauge", "Which binds most: 0 the most."),
    Family("llmtune_bottleneck_seconds", "gauge", "How long that verdict holds."),
    Family("llmtune_cpu_seconds_total", "counter", "Time of all CPUs since boot, by what they did."),
    Family("llmtune_cpu_online", "gauge", "Online CPUs."),
    Family("llmtune_cpu_frequency_hertz", "gauge", "Clock of some CPUs, spread over the machine."),
    Family("llmtune_tasks", "gauge", "Tasks that run or wait for a CPU, and that wait for a drive."),
    Family("llmtune_memory_bytes", "gauge", "The machine's memory by kind."),
    Family("llmtune_swap_bytes", "gauge", "Swap space by kind."),
    Family("llmtune_major_page_faults_total", "counter", "Page faults since boot that had to wait for a drive."),
    Family("llmtune_swapped_bytes_total", "counter", "Bytes swapped since boot."),
    Family("llmtune_refaulted_file_bytes_total", "counter", "File pages read again soon after they were dropped."),
    Family("llmtune_pressure_stalled_seconds_total", "counter", "Time in which tasks waited (PSI)."),
    Family("llmtune_drive_bytes_total", "counter", "Bytes of each drive since boot."),
    Family("llmtune_drive_operations_total", "counter", "Requests of each drive since boot."),
    Family("llmtune_drive_operation_seconds_total", "counter", "Time that requests took, summed over all of them."),
    Family("llmtune_drive_busy_seconds_total", "counter", "Time with a request under way."),
    Family("llmtune_drive_read_ahead_bytes", "gauge", "Read-ahead of each drive."),
    Family("llmtune_numa_node_memory_bytes", "gauge", "Memory of each NUMA node by kind."),
    Family("llmtune_numa_node_pages_total", "counter", "Pages given since boot to tasks of this node and of others."),
    Family("llmtune_gpu_info", "gauge", "1; which GPU it is."),
    Family("llmtune_gpu_up", "gauge", "1 while the GPU answers or sleeps, 0 when it is lost or hangs."),
    Family("llmtune_gpu_asleep", "gauge", "1 while it is suspended; it is not asked then."),
    Family("llmtune_gpu_utilization_ratio", "gauge", "Share of time in which any kernel ran."),
    Family(
        "llmtune_gpu_memory_busy_ratio", "gauge", "Share of time in which memory was read or written; not of bandwidth."
    ),
    Family("llmtune_gpu_memory_bandwidth_ratio", "gauge", "Share of the memory's bandwidth in use (newer GPUs)."),
    Family("llmtune_gpu_memory_bytes", "gauge", "Memory by kind."),
    Family("llmtune_gpu_temperature_celsius", "gauge", "Temperature."),
    Family("llmtune_gpu_power_watts", "gauge", "Power."),
    Family("llmtune_gpu_power_limit_watts", "gauge", "Limit of power."),
    Family("llmtune_gpu_clock_hertz", "gauge", "Clocks, now and at most."),
    Family("llmtune_gpu_throttled", "gauge", "1 for each reason for which the clock is held down now."),
    Family("llmtune_gpu_pcie_bytes_per_second", "gauge", "Traffic on PCIe; rx is into the GPU."),
    Family("llmtune_gpu_pcie_link_generation", "gauge", "Generation of the link, now and at most."),
    Family("llmtune_gpu_pcie_link_width", "gauge", "Lanes of the link, now and at most."),
    Family("llmtune_gpu_nvlink_bytes_total", "counter", "Traffic of all NVLinks together."),
    Family("llmtune_gpu_process_memory_bytes", "gauge", "GPU memory of each process."),
    Family("llmtune_server_info", "gauge", "1; a running server and the model it serves."),
    Family("llmtune_server_cpu_seconds_total", "counter", "CPU time of the server."),
    Family(
        "llmtune_server_cpu_wait_seconds_total", "counter", "Time its busiest threads were ready and waited for a CPU."
    ),
    Family("llmtune_server_threads", "gauge", "Threads of the server."),
    Family("llmtune_server_memory_bytes", "gauge", "Memory of the server by kind."),
    Family("llmtune_server_numa_bytes", "gauge", "Where its pages lie, by NUMA node."),
    Family("llmtune_server_major_page_faults_total", "counter", "Its page faults that had to wait for a drive."),
    Family("llmtune_server_read_bytes_total", "counter", "Bytes it read from drives."),
    Family("llmtune_server_cgroup_throttled_seconds_total", "counter", "Time it was held back by a CPU quota."),
    Family("llmtune_server_cgroup_memory_bytes", "gauge", "Memory of its control group, and its limit."),
    Family(
        "llmtune_server_cgroup_oom_kills_total",
        "counter",
        "Processes of its control group that were killed for memory.",
    ),
    Family("llmtune_engine_up", "gauge", "1 while the server's endpoint is ready; state says what it is instead."),
    Family("llmtune_engine_decode_tokens_per_second", "gauge", "Tokens answered a second, live."),
    Family("llmtune_engine_prompt_tokens_per_second", "gauge", "Prompt tokens a second, live."),
    Family("llmtune_engine_generated_tokens_total", "counter", "Tokens answered, as the server counts them."),
    Family("llmtune_engine_prompt_tokens_total", "counter", "Prompt tokens, as the server counts them."),
    Family("llmtune_engine_cached_prompt_tokens_total", "counter", "Prompt tokens that were not computed again."),
    Family("llmtune_engine_requests", "gauge", "Requests under way and in the queue."),
    Family("llmtune_engine_slots", "gauge", "Slots by what they do."),
    Family("llmtune_engine_kv_cache_usage_ratio", "gauge", "How full the cache of keys and values is."),
    Family("llmtune_engine_preemptions_total", "counter", "Requests that were pushed out to make room."),
    Family("llmtune_engine_drafted_tokens_total", "counter", "Tokens guessed ahead (speculative decoding)."),
    Family("llmtune_engine_accepted_tokens_total", "counter", "Guessed tokens that were right."),
    Family("llmtune_engine_time_to_first_token_seconds", "gauge", "Mean of the requests since the last sample."),
    Family("llmtune_engine_model_bytes", "gauge", "Models that the server holds, in all and on GPUs."),
)
