"""Work that would keep the event loop busy, done beside it.

One thread and no more. Threads share the interpreter: a turn of the event loop waits for it up to
twice, 5 ms at most for each thread that is busy with Python, and more threads would get no more
done. Everything that is done here has a bound of its own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in a thread and give what it gives, or raise what it raises."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREAD, partial(work, *args, **kwargs))
