"""The daemon. It exports nothing; this is the map of its rooms, from the door inwards.

A job's way, and the file for each step:

    claim      consumer.py     the loop: takes what claiming gives, one task per job
               claiming.py     what to take next: how much, of which job types, or nothing now
               job_queue.py    every Redis verb, over scripts/*.lua; stream_reader.py reads,
                               redis_clients.py and redis_address.py connect
    admit      answering.py    reads the entry, lets its handler answer, parks it between tries
               retry.py        admit() and decide(): pure, time and chance come in as numbers
    infer      handlers/       one file per job type: payload in, outcome out
               llm/            what is asked, how it is sent, what of the reply is believed
               images.py       pictures: opened safely (image_files.py), checked, shrunk
               dates.py        a local date, a time and a zone become a moment
    record     delivery.py     outcome to the outbox, effects and PATCH to Core, off the stream
    deliver    core_api_client.py   every call to Core
    settle     settling.py     settles gathered into few scripts

Beside them:

    leases.py      what this worker holds, renewed together; a job whose lease is lost is cancelled
    slots.py       how many jobs may ask the model at once
    parking.py     where jobs wait; gates.py: for a service that is away
    backlog.py     how many outcomes may wait for Core
    janitor.py     now and then: strays.py (streams of no known type), upkeep.py (dead consumers)
    dead_letters.py   found, read, put back, thrown away
    job.py, claimed_entry.py, outcome.py, events.py, errors.py, clock.py    the values that travel

And around:

    app.py         the composition root, the only file that knows all the others
    lifecycle.py   signals, the grace period, exit codes
    config.py      every setting
    observability/ log lines, the line per job, /live and /ready
    cli/           run, enqueue, check, dead, demo
    embedded/      Redis, a reference Core and a model stand-in, for demo and tests only

Imports point from `app` downwards; `[tool.importlinter]` in pyproject.toml holds the line.
"""
