"""Writes the reference pages that differ from the code: `python -m docs.render`; with `--check` it only names them."""

import sys

from docs.render import COMMAND, REFERENCE, stale, unknown


def main(arguments: list[str]) -> int:
    """Write or check the pages; 1 if a check found one that is stale."""
    found, left = stale(), unknown()
    if "--check" in arguments:
        for name in (*found, *left):
            sys.stderr.write(f"docs/reference/{name} is stale: {COMMAND}\n")
        return 1 if found or left else 0
    for name, text in found.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")
    for name in left:
        (REFERENCE / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
