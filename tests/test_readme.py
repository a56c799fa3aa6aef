"""What the README shows is tried here."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared import PAYLOADS, JobType

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _xadds() -> dict[str, str]:
    found = re.findall(r"^    XADD llm:(\w+) \* .*payload '(.*)'$", README, re.MULTILINE)
    return dict(found)


def test_every_job_type_has_an_xadd_that_is_valid() -> None:
    """Each copyable XADD carries a payload that its job type takes."""
    xadds = _xadds()
    assert xadds.keys() == set(JobType)
    for job_type, payload in xadds.items():
        PAYLOADS[JobType(job_type)].model_validate(json.loads(payload))


def test_the_job_type_shown_can_be_added(tmp_path: Path) -> None:
    """The README's new job type, put where it says, is registered, whole and under 70 lines."""
    for room in ("shared", "worker"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block.group(1).count("\n") < 70
    heading = r"^# ((?:shared|worker)/\S+?\.(?:py|md))(.*)\n"
    parts = re.split(heading, block.group(1), flags=re.MULTILINE)
    for path, text in zip(parts[1::3], parts[3::3], strict=True):
        _add(tmp_path / path, text)
    code = (
        "from shared import JobType, PAYLOADS, RESULTS; from worker.handlers import HANDLERS;"
        "t = JobType('language_detect'); h = HANDLERS[t];"
        "assert h.payload is PAYLOADS[t]; assert set(HANDLERS) == set(JobType) == set(RESULTS)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def _add(file: Path, text: str) -> None:
    """Put a piece of the README where its heading says."""
    if not file.exists():
        file.write_text(text, encoding="utf-8")
        return
    source = file.read_text(encoding="utf-8")
    if file.name == "enums.py":
        source = source.replace("class JobStatus", f"{text.rstrip()}\n\n\nclass JobStatus", 1)
        source = re.sub(r'("document"\n)\s+(    LANGUAGE)', r"\1\2", source)
    elif file.name in {"payloads.py", "results.py"}:
        name = file.stem.upper()
        of = file.stem.rstrip("s").capitalize()
        source += (
            f"\n\n{text}\n{name}[JobType.LANGUAGE_DETECT] = LanguageDetect{of}  # type: ignore\n"
        )
    else:
        source = source.replace(
            "    extract.HANDLER,\n", f"    extract.HANDLER,\n{text.rstrip()}\n"
        )
        source = source.replace(
            "    intent_classify,\n", "    intent_classify,\n    language_detect,\n"
        )
    file.write_text(source, encoding="utf-8")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    """Each file the README points to is there."""
    assert (ROOT / link).exists(), link
