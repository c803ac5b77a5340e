"""The bare loop that deliveries are divided by: `python -m tests.bench.measure.bare_sender URL COUNT AT_ONCE [CA]`.

Posts the same body over and over with aiohttp, so many at a time, and prints the seconds it took.
"""

import asyncio
import json
import ssl
import sys
import time

import aiohttp
import uvloop

from tests.bench.measure.traffic import COMPLETED

HOST = "app.example.com"


async def main(url: str, count: int, at_once: int, authority: str | None = None) -> float:
    body = json.dumps(COMPLETED, separators=(",", ":")).encode()
    secure: dict[str, object] = {}
    if authority is not None:
        secure = {"ssl": ssl.create_default_context(cafile=authority), "server_hostname": HOST}
    left = iter(range(count))

    async def send(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=body, headers={"Host": HOST}, **secure) as response:  # type: ignore[arg-type]
                await response.read()
                assert response.status == 200

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        began = time.perf_counter()
        await asyncio.gather(*(send(session) for _ in range(at_once)))
        return time.perf_counter() - began


if __name__ == "__main__":
    print(uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])), flush=True)
