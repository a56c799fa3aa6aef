"""The daemon. It exports nothing; this is the map of its rooms, from the door inwards.

A job's way, and the file for each step:

    claim      consumer.py     the loop: takes what claiming gives, one task per job
               claiming.py     what to take next: how much, of which job types, or nothing now
               queue/          every word said to Redis: job_queue.py over scripts/*.lua,
                               stream_reader.py; turns.py: whose turn it is
    admit      answering.py    reads the entry, lets its handler answer, parks it between tries;
               announcing.py   tells Core `processing` of the jobs that last
               retry.py        admit() and decide(): pure, time and chance come in as numbers
    infer      handlers/       one file per job type: payload in, outcome out; prompts/ beside them
               workshop.py     what they work with, and how a job's slot follows its work
               untrusted/      texts nobody vouches for: as a person sees them, framed, shortened
               files/          pictures and documents: opened safely, checked, shrunk
               dates/          the words of a date become a moment
               llm/            the model side, from the question to the value:
                 structured.py   asks, judges, asks once more; question, judging, repair, salvage
                 causes.py       what can go wrong, and what follows: one table
                 router.py       which server: replica.py, breaker.py, preflight.py, providers.py,
                                 returning.py, silence.py
                 client.py       one call over HTTP; model_http.py the HTTP, chat_wire.py and
                                 structure_wire.py its bytes
                 limit.py        how much it takes at once, by what load_watch.py hears of it;
                                 sizing.py, demand.py: how many jobs that makes
                 prices.py, budget.py, recorder.py   what it costs, and what is written down of it
    record     delivery.py     outcome to the outbox, effects and PATCH to Core, off the stream
    deliver    core_api_client.py   every call to Core; core_errors.py, what its refusals mean
    settle     queue/writing.py   records, ticks, settles; gathering.py: into few scripts each

Beside them:

    leases.py      what this worker holds, renewed together; a job whose lease is lost is cancelled
    slots.py       how many jobs may ask the model at once
    parking.py     where jobs wait; gates.py: for a service that is away
    marks.py       what operators have paused and cancelled; interruptible.py cuts a job off
    steering/      this worker among the others: it tells of itself and hears of such marks
    operations/    the fleet seen and steered from outside: for the command line, and for the page
    backlog.py     how many outcomes may wait for Core
    janitor.py     now and then: strays.py (streams of no known type), queue/upkeep.py (dead
                   consumers, lost tickets)
    queue/         beside the streams: dead_letters.py; token_ledger.py and peer_board.py, what a
                   fleet shares
    job.py, queue/claimed_entry.py, outcome.py, errors.py, clock.py    the values that travel
    reminding.py   when to say again what lasts; broken_connections.py, why there is none
    witnesses.py   who is told of a job's steps: telling.py, the events (events.py), and
                   observability/job_traces.py; tracing.py, what work says of itself to a trace

And around:

    app.py         the composition root; outside.py opens what the daemon leans on, model_side.py
                   the model servers; hands.py ties together what works on jobs
    processes/     several of these daemons as one: a parent that keeps and drains them
    lifecycle.py   signals, the grace period, exit codes
    config.py      every setting; log_choices.py the words of two of them
    page/          for people, on the health port: to look at and, with a token, to steer
    observability/ log lines, the line per job, metrics, traces, /live and /ready; every metric's
                   name is in its catalogue/; measuring.py, what of the worker they look at
    evaluation/    how good are the answers: cases, scores, reports
    cli/           run, enqueue, status, top, job, pause, cancel, dead, check, eval, demo
    embedded/      Redis, a reference Core and a model stand-in, for demo and tests only

Imports point from `app` downwards; `[tool.importlinter]` in pyproject.toml holds the line.
"""
