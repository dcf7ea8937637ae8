"""Write the pictures of the documentation: the monitor in situations that tests make up. `make pictures` runs it."""

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from scenes import views

from llmtune.tui.layout import compose
from llmtune.tui.theme import palette

PICTURES = {"one_cpu_server": (120, 36), "eight_gpus": (120, 40), "disk_bound": (120, 36)}
COLORS = TerminalTheme(
    (18, 18, 18),
    (208, 208, 208),
    [(18, 18, 18), (255, 123, 114), (123, 216, 143), (240, 198, 116), (121, 192, 255), (210, 168, 255), (86, 212, 221)],
)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -8 {width} {height}" role="img">
<title>llmtune monitor</title>
<style>.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
{styles}</style>
<defs>{lines}</defs>
<rect x="-10" y="-8" width="100%" height="100%" rx="6" fill="#121212"/>
<g class="{unique_id}-matrix">{backgrounds}{matrix}</g>
</svg>
"""
"""Rich's own template loads a font from the network."""


def picture(scene: str, width: int, height: int) -> str:
    looks = palette("dark")
    console = Console(record=True, width=width, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for spans in compose(views()[scene], None, width, height):
        console.print(Text.assemble(*((part.text, looks[part.style]) for part in spans)), no_wrap=True, crop=True)
    return console.export_svg(title="llmtune monitor", theme=COLORS, code_format=SVG, unique_id=scene.replace("_", "-"))


def main() -> None:
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for scene, (width, height) in PICTURES.items():
        (target / f"monitor-{scene.replace('_', '-')}.svg").write_text(picture(scene, width, height))


if __name__ == "__main__":
    main()
