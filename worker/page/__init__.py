"""The page on the health port: the fleet to look at and, with a token, to steer. docs/page.md.

opening.py     puts it together; the addresses
front.py       HTTP in, HTTP out, and the headers that guard; nothing below it knows of HTTP
answers.py     what is asked and answered, as values
door.py        who may come in: sessions.py, tries.py, origins.py, all three pure
views.py       what there is to see; wishes.py reads what is asked for
deeds.py       what there is to do; notices.py says what came of it
looking.py     reads Redis, in time or not at all; lately.py: once for all viewers
changes.py     what changes while one looks, as server-sent events
rendering.py   templates/, where everything is escaped; payloads.py: JSON that can be compared
assets.py      our own style, script and icon, from assets/
"""
