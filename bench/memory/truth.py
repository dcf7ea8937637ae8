"""What the real llama.cpp says: its bytes per buffer, on GPUs that are not there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from .cases import Case

HERE = Path(__file__).parent
Bytes = dict[str, list[int]]
"""Place -> weights, caches, compute."""


class Probe:
    """The built tools. `source` is llama.cpp's source tree, `build` the folder it was built in."""

    def __init__(self, source: Path, build: Path, folder: Path) -> None:
        self.backend, self.program = folder / "libfake_gpu.so", folder / "probe"
        libraries = build / "bin"
        includes = [f"-I{source / part}" for part in ("include", "ggml/include", "ggml/src", "common", "src")]
        common = ["c++", "-O1", "-std=c++17", *includes, f"-L{libraries}"]
        names = ["-lllama-common", "-lllama", "-lggml", "-lggml-base", "-lggml-cpu", f"-Wl,-rpath,{libraries}"]
        fake = [*common, "-shared", "-fPIC", "-o", str(self.backend), str(HERE / "fake_gpu.cpp"), "-lggml-base"]
        probe = [*common, "-o", str(self.program), str(HERE / "probe.cpp"), *names]
        for command in (fake, probe):
            subprocess.run(command, check=True)

    def ask(self, case: Case, file: Path, *, dry: bool) -> Bytes | str:
        """The bytes, or why there are none."""
        done = subprocess.run(self._command(case, file, dry), capture_output=True, text=True, env=self._env(case))
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found = json.loads(lines[-1]) if lines else {"error": done.stderr.strip()[-200:] or "nothing"}
        if "error" in found:
            return str(found["error"])
        places: Bytes = {}
        for name, sizes in found.items():
            place = name if name in case.placement.devices else "repack" if name == "CPU_REPACK" else "host"
            places[place] = [old + new for old, new in zip(places.get(place, [0, 0, 0]), sizes, strict=True)]
        return places

    def _env(self, case: Case) -> dict[str, str]:
        env = dict(os.environ)
        if case.placement.devices:
            env |= {"GGML_BACKEND_PATH": str(self.backend)}
            env |= {"LLMTUNE_FAKE_GPUS": ",".join(["1000000"] * len(case.placement.devices))}
        return env

    def _command(self, case: Case, file: Path, dry: bool) -> list[str]:
        placement, settings = case.placement, case.settings
        rows = settings.output_rows or settings.slots
        command = [str(self.program), str(rows), str(settings.slots), "unified" if settings.unified_kv else "apart"]
        command += ["dry" if dry else "run", "-m", str(file), "-fit", "off", "-lm", "none"]
        command += ["-c", str(settings.context), "-b", str(settings.batch), "-ub", str(settings.ubatch)]
        command += [
            "-fa",
            "on" if settings.flash_attention else "off",
            "-ctk",
            settings.type_k,
            "-ctv",
            settings.type_v,
        ]
        if placement.devices:
            command += ["-dev", ",".join(placement.devices), "-ngl", str(placement.gpu_layers)]
            if len(placement.devices) > 1 and placement.gpu_layers:
                command += ["-ts", ",".join(map(str, placement.layers_per_device))]
            if placement.cpu_expert_layers:
                command += ["-ncmoe", str(placement.cpu_expert_layers)]
            if placement.overrides:
                names = [(pattern, "CPU" if place == "host" else place) for pattern, place in placement.overrides]
                command += ["-ot", ",".join(f"{pattern}={place}" for pattern, place in names)]
        if not settings.kv_offload:
            command.append("-nkvo")
        if not settings.op_offload:
            command.append("--no-op-offload")
        return command
