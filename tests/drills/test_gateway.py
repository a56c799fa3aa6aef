"""The gateway whose server is away."""

import aiohttp

from drills.gateway import bad_gateway
from worker.embedded.child import free_port


async def test_it_answers_everything_with_502() -> None:
    """And with a page for people, whatever is asked and however much is sent along."""
    port = free_port()
    async with bad_gateway("127.0.0.1", port), aiohttp.ClientSession() as http:
        for method, path in (("GET", "/health"), ("PATCH", "/llm_jobs/g1"), ("POST", "/")):
            url = f"http://127.0.0.1:{port}{path}"
            async with http.request(method, url, data=b"x" * 100_000) as response:
                assert response.status == 502
                assert response.content_type == "text/html"
                assert "<title>502 Bad Gateway</title>" in await response.text()
