"""Writes src/pictures/colourTables.generated.ts from matplotlib's viridis and magma (published as CC0 by their
authors, Smith and van der Walt, 2015). Run with Debian's Python: /usr/bin/python3 tools/pictures/colourMaps.py"""
import pathlib

import matplotlib

lines = [
    "// Made by `/usr/bin/python3 tools/pictures/colourMaps.py`; do not edit.",
    f"// 256 colours each, six hexadecimal digits a colour, as in matplotlib {matplotlib.__version__}; both tables are CC0.",
    "",
    "export const colourTables = {",
]
for name in ["viridis", "magma"]:
    digits = "".join(
        "".join(f"{round(255 * c):02x}" for c in matplotlib.colormaps[name](i / 255)[:3]) for i in range(256)
    )
    rows = [digits[i:i + 96] for i in range(0, len(digits), 96)]
    lines.append(f"  {name}:")
    lines += [f"    '{row}'{',' if i + 1 == len(rows) else ' +'}" for i, row in enumerate(rows)]
lines += ["} as const;", ""]
target = pathlib.Path(__file__).resolve().parents[2] / "src" / "pictures" / "colourTables.generated.ts"
target.write_text("\n".join(lines))
