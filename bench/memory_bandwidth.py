"""How true `--measure` is: its memory bandwidth beside that of a compiled loop over the same number of bytes.

    python bench/memory_bandwidth.py

Needs gcc, and llmtune installed beside this Python. Prints both and their ratio; near 1 means that the C library's
loops are as fast as the memory.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from llmtune.probe.measure.memory_bandwidth import measure_bandwidth

TOTAL_BYTES = 256 << 20
RUNS = 15

LOOPS = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t doubles;
static int threads, runs, copying;
static pthread_barrier_t gate;
static double started[1024][64], ended[1024][64];
volatile double sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *work(void *argument) {
    long index = (long)argument;
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(index, &cpu);
    sched_setaffinity(0, sizeof cpu, &cpu);
    double *numbers = aligned_alloc(1 << 21, doubles * 8), total = 0;
    for (size_t i = 0; i < doubles; i++) numbers[i] = i;
    for (int run = 0; run < runs; run++) {
        pthread_barrier_wait(&gate);
        started[index][run] = now();
        if (copying) {
            size_t half = doubles / 2;
            double *restrict to = numbers, *restrict from = numbers + half;
            for (size_t i = 0; i < half; i++) to[i] = from[i];
        } else {
            for (size_t i = 0; i < doubles; i++) total += numbers[i];
            sink += total;
        }
        ended[index][run] = now();
    }
    return 0;
}

int main(int count, char **arguments) {
    threads = atoi(arguments[1]);
    runs = atoi(arguments[2]);
    copying = arguments[3][0] == 'c';
    doubles = strtoul(arguments[4], 0, 10) / 8 / threads;
    pthread_barrier_init(&gate, 0, threads);
    pthread_t team[1024];
    for (long i = 0; i < threads; i++) pthread_create(team + i, 0, work, (void *)i);
    for (int i = 0; i < threads; i++) pthread_join(team[i], 0);
    for (int run = 0; run < runs; run++) {
        double first = 1e300, last = 0;
        for (int i = 0; i < threads; i++) {
            if (started[i][run] < first) first = started[i][run];
            if (ended[i][run] > last) last = ended[i][run];
        }
        printf("%.0f\n", doubles * 8.0 * threads / (last - first));
    }
}
"""


def compiled(folder: Path) -> Path:
    """The loops as a program."""
    source, program = folder / "loops.c", folder / "loops"
    source.write_text(LOOPS)
    subprocess.run(["gcc", "-O3", "-march=native", "-ffast-math", "-pthread", source, "-o", program], check=True)
    return program


def main() -> None:
    """Print one line an operation and number of threads."""
    everything = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        for operation in ("read", "copy"):
            for cpus in sorted({1, len(everything)}):
                argv = [str(program), str(cpus), str(RUNS), operation, str(TOTAL_BYTES)]
                lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
                loop = [float(line) for line in lines]
                ours = measure_bandwidth("machine", everything[:cpus], operation, TOTAL_BYTES, 0, RUNS)
                print(
                    f"{operation}, {cpus} threads: llmtune {ours.median_bytes_per_s / 1e9:.1f} GB/s "
                    f"(best {ours.max_bytes_per_s / 1e9:.1f}), compiled loop {median(loop) / 1e9:.1f} "
                    f"(best {max(loop) / 1e9:.1f}), ratio of the best {ours.max_bytes_per_s / max(loop):.2f}"
                )


if __name__ == "__main__":
    main()
