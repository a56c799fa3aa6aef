"""Whatever the process that looks at a document does, the worker gets a value and lives on."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import until
from tests.children import children, needs_proc
from tests.pdf_files import endless, greedy, pdf
from worker.errors import Halt, Retryable
from worker.files import page_renderer
from worker.files.image_files import OpenFile
from worker.files.page_renderer import AT_ONCE, Answer, Death, PageRenderer
from worker.files.pdf_pages import ANSWER, NO_PDFIUM, Picture, Verdict

ROOT = Path(__file__).parents[3]
Run = Callable[[str], None]
WHITE_PIXELS = b"\xff" * 12
SAYS = "import os, sys, time; say = sys.stdout.buffer.raw.write; "
READY = SAYS + "say(b'R'); "


def answer(verdict: int = 0, count: int = 1, width: int = 2, height: int = 2) -> str:
    """Code that says the head of an answer."""
    return f"say({ANSWER.pack(verdict, count, width, height)!r}); "


def put(path: Path, data: bytes) -> OpenFile:
    """A file with this content, open."""
    path.write_bytes(data)
    return OpenFile(os.open(path, os.O_RDONLY), len(data))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    """A page that takes years."""
    file = put(tmp_path / "endless.pdf", endless())
    yield file
    os.close(file.descriptor)


@pytest.fixture
def run_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Have a program run instead of the real one."""
    path = tmp_path / "program.py"
    monkeypatch.setattr(page_renderer, "_PROGRAM", path)

    def run(code: str) -> None:
        path.write_text(code)

    return run


@pytest.fixture(autouse=True)
def leaves_no_child() -> Iterator[None]:
    """Whatever happened, all processes have been waited for."""
    before = children()
    yield
    assert children() <= before


def renderer(timeout_s: float = 60.0) -> PageRenderer:
    """A renderer of small pictures."""
    return PageRenderer(1_000, timeout_s)


async def test_proper_answers(run_instead: Run, file: OpenFile) -> None:
    """A picture, a count and a verdict are passed on."""
    run_instead(f"{READY}{answer()}say({WHITE_PIXELS!r})")
    drawn = Answer(Verdict.DONE, 1, Picture(2, 2, WHITE_PIXELS))
    assert await renderer().render(file, 1) == drawn
    assert await renderer().render(file, 0) == Answer(Verdict.DONE, 1)
    run_instead(f"{READY}{answer(Verdict.LOCKED, 0, 0, 0)}")
    assert await renderer().render(file, 1) == Answer(Verdict.LOCKED)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "os.kill(os.getpid(), 11)",
        "say(b'x' * 5)",
        answer(verdict=77),
        answer(count=4_000_000_000),
        answer(width=0),
        answer(width=1_001, height=1) + "say(b'x' * 3_003)",
        answer(width=4_000_000_000, height=4_000_000_000),
        answer() + "say(b'x' * 11)",
    ],
)
async def test_no_proper_answer(run_instead: Run, file: OpenFile, code: str) -> None:
    """A process that dies, or tells nonsense because the document has taken it over."""
    run_instead(READY + code)
    assert await renderer().render(file, 1) == Answer(Death.CRASHED)


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(600)",
        answer() + "time.sleep(600)",
        answer() + f"say({WHITE_PIXELS!r}); time.sleep(600)",
        answer() + f"say({WHITE_PIXELS!r}); exec('while True: say(bytes(9999))')",
        "os.close(1); time.sleep(600)",
    ],
)
async def test_no_end(run_instead: Run, file: OpenFile, code: str) -> None:
    """A process that does not come to its end is ended, however far it has got."""
    run_instead(READY + code)
    assert await renderer(timeout_s=0.5).render(file, 1) == Answer(Death.TOO_SLOW)


async def test_really_endless(file: OpenFile) -> None:
    """The same with PDFium itself."""
    assert await renderer().render(file, 0) == Answer(Verdict.DONE, 1)
    assert await renderer(timeout_s=0.5).render(file, 1) == Answer(Death.TOO_SLOW)


async def test_greedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes all the memory it is given dies of it, and nobody else."""
    monkeypatch.setattr(page_renderer, "_MEMORY", 150 << 20)
    file = put(tmp_path / "greedy.pdf", greedy())
    assert (await renderer().render(file, 0)).outcome is Verdict.DONE
    assert (await renderer().render(file, 1)).outcome in {Death.CRASHED, Verdict.NO_MEMORY}
    os.close(file.descriptor)


async def test_does_not_start(
    run_instead: Run, file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong before the document is looked at is not the document's fault."""
    run_instead("import sys; sys.exit(9)")
    with pytest.raises(Retryable, match="exit code 9"):
        await renderer().render(file, 1)
    run_instead(f"import sys; sys.exit({NO_PDFIUM})")
    with pytest.raises(Halt, match="pypdfium2"):
        await renderer().render(file, 1)
    run_instead("import time; time.sleep(600)")
    monkeypatch.setattr(page_renderer, "_START_S", 0.2)
    with pytest.raises(Retryable, match="did not start"):
        await renderer().render(file, 1)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(Retryable, match="No such file"):
        await renderer().render(file, 1)


async def test_failing_disk(run_instead: Run, file: OpenFile) -> None:
    """A file that cannot be read may be readable later."""
    run_instead(READY + answer(Verdict.UNREADABLE, 0, 0, 0))
    with pytest.raises(Retryable, match="cannot be read"):
        await renderer().render(file, 1)


async def test_knows_no_secrets(
    run_instead: Run, file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process knows none of our settings, and of open files only the document."""
    monkeypatch.setenv("LLM_API_KEY", "secret")
    run_instead(
        f"{SAYS}ours = os.environ.keys() - {{'LC_CTYPE', 'LD_LIBRARY_PATH'}}\n"
        "known = [*ours, *os.listdir('/proc/self/fd')]\n"
        "sys.exit(40 + len(known))"
    )
    with pytest.raises(Retryable, match="exit code 44"):  # 0, 1, 2, and the folder being listed
        await renderer().render(file, 1)


async def test_two_at_once(
    run_instead: Run, file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages are wanted, two processes are there at once; each page gets its turn."""
    run_instead(f"{READY}{answer()}say({WHITE_PIXELS!r})")
    really = asyncio.create_subprocess_exec
    made, alive = list[Process](), list[int]()

    async def starting(*command: str, **options: Any) -> Process:
        alive.append(sum(process.returncode is None for process in made))
        made.append(await really(*command, **options))
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", starting)
    drawer = renderer()
    answers = await asyncio.gather(*(drawer.render(file, 1) for _ in range(10)))
    assert {found.outcome for found in answers} == {Verdict.DONE}
    assert (len(alive), max(alive)) == (10, AT_ONCE - 1)


async def test_cancelled(file: OpenFile) -> None:
    """A page that nobody waits for any more is not drawn to the end, nor are those in line."""
    drawer = renderer()
    pages = [asyncio.create_task(drawer.render(file, 1)) for _ in range(5)]
    before = children()
    await until(lambda: len(children() - before) == AT_ONCE)
    for page in pages:
        page.cancel()
    done = await asyncio.gather(*pages, return_exceptions=True)
    assert {type(result) for result in done} == {asyncio.CancelledError}
    assert (await drawer.render(file, 0)).outcome is Verdict.DONE


@needs_proc
@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a child with its parent")
async def test_dies_with_the_worker(tmp_path: Path) -> None:
    """A worker that is killed leaves nobody drawing."""
    (tmp_path / "endless.pdf").write_bytes(endless())
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, os; from worker.files.page_renderer import *\n"
        f"file = OpenFile(os.open({str(tmp_path / 'endless.pdf')!r}, os.O_RDONLY), 10_000)\n"
        "asyncio.run(PageRenderer(1_000, 600).render(file, 1))",
        cwd=ROOT,
    )
    await until(lambda: len(children(worker.pid)) > 0)
    [drawing] = [Path(f"/proc/{child}") for child in children(worker.pid)]

    def seconds_busy() -> float:
        fields = (drawing / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / os.sysconf("SC_CLK_TCK")

    await until(lambda: seconds_busy() > 0.5)  # it has long said that it is ready, and draws
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await until(lambda: not drawing.exists())


async def test_real_page(tmp_path: Path) -> None:
    """The two sides of the protocol understand each other."""
    file = put(tmp_path / "a.pdf", pdf("", page="/MediaBox [0 0 20 10]"))
    found = await PageRenderer(200, 60).render(file, 1)
    assert found == Answer(Verdict.DONE, 1, Picture(20, 10, b"\xff" * 600))
    os.close(file.descriptor)
