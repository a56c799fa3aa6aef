"""The game day: a throw-away stack under load, one incident after the other, somebody who looks.

    incidents.py    what can happen, how it is told apart; drawing an order by a seed
    judging.py      what a typed line means
    account.py      what was enqueued, and what became of it: lost, done twice? Pure, as are these
    report.py       the table at the end
    site.py         the stack: services, two workers, Prometheus where it is installed
    troubles.py     breaking one thing and mending it; gateway.py says 502
    feed.py         jobs, as producers enqueue them
    keeping.py      starts workers again, as `restart: always` does
    backlog.py      is the queue as it was?
    books.py        reads Core's database and Redis for the account
    desk.py         what the trainee is told and types; answers.py: where the lines come from
    rounds.py       one incident, from quiet to quiet
    game.py         all of them, and the account
    command.py      `python -m drills`, which `make game-day` runs

It runs the real daemon and its stand-ins (`worker.embedded`); nothing of the daemon knows it.
"""
