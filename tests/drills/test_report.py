"""The table at the end."""

from io import StringIO

from rich.console import Console

from drills.account import Account
from drills.incidents import Kind
from drills.report import report
from drills.rounds import Played

GOOD = Account(1_234, 5, 1_220, 14, (), (), (), ())
BAD = Account(9, 0, 1, 0, ("g9",), ("g8",), tuple(f"g{n}" for n in range(7)), ("g7",))


def shown(*played: Played, account: Account = GOOD) -> list[str]:
    """Its lines."""
    out = StringIO()
    Console(file=out, width=200).print(report(played, account))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_row_for_each_incident() -> None:
    """With what was found and when, and what fired meanwhile."""
    found = Played(
        Kind.CORE_GONE,
        75.0,
        (Kind.MODEL_GONE, Kind.CORE_GONE),
        frozenset({"LlmWorkerCoreAway", "LlmWorkerClaimingBlocked"}),
        4.2,
    )
    given_up = Played(Kind.REDIS_GONE, None, (), frozenset(), None)
    unseen = Played(Kind.REDIS_FULL, 3.0, (Kind.REDIS_FULL,), None, 1.0)
    lines = shown(found, given_up, unseen)
    alerts = "LlmWorkerClaimingBlocked; LlmWorkerCoreAway"
    assert " ".join(lines[1].split()) == f"Core is gone 75 s 2 {alerts} 4 s"
    assert " ".join(lines[2].split()) == "Redis is gone given up 0 none not in time"
    assert "nobody looked" in lines[3]


def test_the_account_of_a_good_day() -> None:
    """Numbers, and the word that it balances."""
    lines = shown()
    assert "jobs enqueued     1,234" in lines
    assert "  lost            0" in lines
    assert lines[-1] == "The account balances."


def test_what_is_wrong_is_named() -> None:
    """Some of it by its id, to look for in the logs; and the end is loud."""
    lines = shown(account=BAD)
    assert "  lost            7: g0 g1 g2 g3 g4 …" in lines
    assert "  done twice      1: g7" in lines
    assert "  dead by mistake 1: g9" in lines
    assert "  not ended yet   1: g8" in lines
    assert lines[-1] == "THE ACCOUNT DOES NOT BALANCE."
