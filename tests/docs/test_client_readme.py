"""The examples of the client's README have the types that they show; test_pages.py runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent.parent / "client" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_examples_have_the_types_that_they_say(tmp_path: Path) -> None:
    for place, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{place}.py").write_text(example, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    ran = subprocess.run([*mypy, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
