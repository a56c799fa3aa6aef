"""Texts that would like to be more than text, put wherever somebody else can write one."""

import json
import re
from typing import Any

from tests.browser.desk import Desk
from worker.steering.roster import HeldJob, ModelLimit, ModelServer, WorkerFacts

SCRIPT = "<script>window.pwned='script'</script>"
PICTURE = "<img src=x onerror=\"window.pwned='picture'\">"
BREAKOUT = (
    "\"'></pre></td></table></details><svg onload=window.pwned='svg'><iframe src=//evil.test>"
)
TEMPLATE = "{{ 7*191 }}{% include '/etc/passwd' %}${7*191}<!-- --><![CDATA["
STEERING = "\x1b[2J\x1b]0;owned\x07\x08\x00\r\x9b31m"
TURNED = "\u202egnp.\u202dinnocent\u2066\u2069\u200f\u200b\u2060\ufeff"
STREAMED = "x\n\nevent: fragment\ndata: main\ndata: <b id=smuggled>smuggled</b>\n\nid: 7\r\rdata: y"
NASTY = (SCRIPT, PICTURE, BREAKOUT, TEMPLATE, STEERING, TURNED, STREAMED)
ALL = " ".join(NASTY)

_SAID = (
    *("reason", "cause", "error", "attempts", "deliveries", "entry_id", "at", "worker"),
    *("outcome", "answer"),
)
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
"""What steers a terminal, or has a text read as another than it is."""


def facts(text: str, at: float) -> bytes:
    """What a worker tells of itself, with a text wherever there is room for one."""
    short = text[:400]
    told = WorkerFacts(
        at=at,
        host=short,
        version=short,
        job_types=("text_tag", short),
        stages={short: {short: 3}, "text_tag": {short: 1}},
        ended={short: (1, 1)},
        heeds=(short,),
        gates={short: short},
        limits=(ModelLimit(provider=short, server=short, role=short, limit=3, reason=short),),
        servers=(ModelServer(provider=short, server=short, breaker=short, broken=short),),
        jobs=(HeldJob(entry_id="1-1", job_type=short, job_id=short, stage=short, trouble=short),),
    )
    return told.model_dump_json().encode(errors="replace")


async def plant(desk: Desk, text: str) -> str:
    """Write a text wherever a producer, a model or a neighbour can; returns a dead letter's id."""
    keys, command = desk.bench.keys, desk.bench.command
    now_s, _ = await command("TIME")
    await command("HSET", keys.workers, text, facts(text, float(now_s)))
    note = json.dumps({"by": text, "at": now_s, "why": text})
    await command("HSET", keys.paused, f"tenant:{text}", note, "type:image_tag", note)
    await command("ZADD", keys.cancelled, now_s, text)
    said: dict[str, Any] = {
        **dict.fromkeys(("job_id", "job_type", "user_id", "tenant", "worker"), text),
        "event": "completed",
        "entry_id": "1-1",
        "attempt": 1,
        "at": now_s,
    }
    await _add(desk, keys.events, said)
    retried = {"event": "retried", "job_type": "text_tag", "reason": text, "cause": text}
    await _add(desk, keys.events, said | retried)
    letter = {
        **dict.fromkeys(("job_id", "payload", "user_id", "tenant", "deadline", text), text),
        **dict.fromkeys((f"dead_{name}" for name in _SAID), text),
        "dead_stream": f"{keys.prefix}:{text}",
    }
    await _add(
        desk, keys.dead, letter | {"dead_stream": keys.stream("text_tag"), "dead_reason": "bug"}
    )
    return await _add(desk, keys.dead, letter)


async def _add(desk: Desk, stream: str, fields: dict[str, Any]) -> str:
    flat = [part for pair in fields.items() for part in pair]
    return (await desk.bench.command("XADD", stream, "*", *flat)).decode()


async def inert(desk: Desk) -> None:
    """Fail if any of it became more than text in the view that is shown."""
    page = desk.page
    assert await page.evaluate("window.pwned") is None
    grown = "main :is(script, img, iframe, object, embed, svg, [onerror], [onload], #smuggled)"
    assert await page.locator(grown).count() == 0
    assert await page.locator("[style], script:not([src]), base, meta[http-equiv]").count() == 0
    shown = str(await page.evaluate("document.documentElement.textContent"))
    assert UNSEEN.findall(shown) == []
    assert "1337" not in shown
    desk.seen.nothing_odd()
