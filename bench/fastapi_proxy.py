"""A proxy with FastAPI in front, on uvicorn, and one httpx client behind.

python -m bench.fastapi_proxy UPSTREAM PORT
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

from .credentials import API_KEY
from .naive_proxy import HOP_BY_HOP

ANY_NUMBER = httpx.Limits(max_connections=None, max_keepalive_connections=None)
client = httpx.AsyncClient(limits=ANY_NUMBER, timeout=30)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with client:
        yield


app = FastAPI(lifespan=lifespan)


@app.api_route("/{path:path}", methods=["GET", "POST"])
async def proxy(path: str, request: Request) -> Response:
    headers = {name: value for name, value in request.headers.items() if name.encode() not in HOP_BY_HOP}
    headers["x-api-key"] = API_KEY
    answer = await client.request(
        request.method,
        f"{sys.argv[1]}/{path}",
        params=request.query_params,
        headers=headers,
        content=await request.body(),
    )
    kept = {name: value for name, value in answer.headers.items() if name.encode() not in HOP_BY_HOP}
    return Response(answer.content, answer.status_code, kept)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False)
