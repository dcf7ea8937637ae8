"""The package directories of the Python environments that can be seen from here. Nothing is imported."""

from collections.abc import Iterator

from .host import Host

MAX_ENVIRONMENTS = 64
SYSTEM = ("/usr", "/usr/local")
IN_HOME = (".local", ".venv", "venv", "miniconda3", "miniforge3", "anaconda3", "mambaforge")
CONDA = ("miniconda3", "miniforge3", "anaconda3", "mambaforge")


def package_directories(host: Host) -> tuple[str, ...]:
    """Existing site-packages and dist-packages directories, the environment in use first, each once."""
    found = {"/usr/lib/python3/dist-packages": None} if host.exists("/usr/lib/python3/dist-packages") else {}
    for root in dict.fromkeys(_roots(host)):
        for name in host.names(f"{root}/lib"):
            if name.startswith("python3.") and len(found) < MAX_ENVIRONMENTS:
                for kind in ("site-packages", "dist-packages"):
                    if host.exists(f"{root}/lib/{name}/{kind}"):
                        found[f"{root}/lib/{name}/{kind}"] = None
    return tuple(found)


def _roots(host: Host) -> Iterator[str]:
    """Prefixes of environments: what is active, the user's, the system's, /opt's."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        active = host.environment(variable)
        if active and active.startswith("/"):
            yield active.rstrip("/")
    home = (host.environment("HOME") or "").rstrip("/")
    if home.startswith("/"):
        yield from (f"{home}/{name}" for name in IN_HOME)
        for conda in CONDA:
            yield from (f"{home}/{conda}/envs/{name}" for name in host.names(f"{home}/{conda}/envs")[:MAX_ENVIRONMENTS])
        yield from (
            f"{home}/.pyenv/versions/{name}" for name in host.names(f"{home}/.pyenv/versions")[:MAX_ENVIRONMENTS]
        )
    yield from SYSTEM
    yield from (f"/opt/{name}" for name in host.names("/opt")[:MAX_ENVIRONMENTS])
