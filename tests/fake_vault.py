"""What of Vault's HTTP API the gateway asks: reading secrets of KV engines, version 1 at `kv`, version 2 at `secret`."""

from typing import Any

from aiohttp import web

TOKEN = "hvs.t0ken"


class FakeVault:
    """A server on a port of its own. `secrets` holds what is there, by path, such as `kv/gateway/jack`."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        self.raw: bytes | None = None
        self.url = ""

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/v1/{path:.+}", self._read)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _read(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.asked.append((path, request.headers.get("X-Vault-Namespace", "")))
        if self.status != 200:
            return web.json_response({"errors": ["a message"]}, status=self.status, headers={"location": "/v1/kv/x"})
        if self.raw is not None:
            return web.Response(body=self.raw)
        if request.headers.get("X-Vault-Token") != TOKEN:
            return web.json_response({"errors": ["permission denied"]}, status=403)
        version_2 = path.startswith("secret/data/")
        secret = self.secrets.get(path.replace("secret/data/", "secret/"))
        if secret is None:
            return web.json_response({"errors": []}, status=404)
        data = {"data": secret, "metadata": {"version": 3, "destroyed": False}} if version_2 else secret
        return web.json_response({"request_id": "7", "lease_id": "", "renewable": False, "data": data})
