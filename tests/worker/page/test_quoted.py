"""Error messages may quote words of a payload: who may see them."""

import pytest

from shared.redis_streams import GROUP, create_consumer_group
from tests.builders import job_fields
from tests.worker.page.conftest import TOKEN, Fleet, Sites
from worker.steering.roster import HeldJob

pytestmark = pytest.mark.redis


@pytest.mark.parametrize("path", ["/", "/dead", "/dead/{}", "/job?id=j1"])
async def test_who_may_see_what_an_error_quotes(sites: Sites, fleet: Fleet, path: str) -> None:
    """With the token, or where payloads may be seen; the reason's word is for everybody."""
    entry_id = await fleet.streams.add("text_tag", **job_fields(job_id="j1"))
    held = HeldJob(entry_id=entry_id, job_type="text_tag", job_id="j1", trouble="no 'ann.jpg'")
    await fleet.worker("w-1", jobs=(held,))
    words = ("XREADGROUP", "GROUP", GROUP, "w-1", "STREAMS", "t:text_tag", ">")
    await create_consumer_group(fleet.streams.client, "t:text_tag")
    await fleet.streams.client.execute_command(*words)
    letter = await fleet.bury(dead_error="image_path 'ann.jpg' does not exist", dead_cause="file")
    where = path.format(letter)
    async with sites() as site:
        text = (await site.get(where)).text
        assert "ann.jpg" not in text
        assert "hidden without the token" in text
        assert "bug" in text
    for settings in ({"worker_page_payloads": True}, {"worker_admin_token": TOKEN}):
        async with sites(**settings) as site:
            if "worker_admin_token" in settings:
                await site.sign_in()
            text = (await site.get(where)).text
            assert "ann.jpg" in text
            assert "hidden without" not in text
