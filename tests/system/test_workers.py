"""The supervisor and its workers, as real processes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Reply
from tests.process import children_of, free_port, is_running, run_command, serving, write_conf


def routes(upstream: FakeUpstream, **extra: Any) -> dict[str, Any]:
    return {"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}], **extra}


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        return await client.get(url)


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(20):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.01)


async def test_it_serves_with_as_many_workers_as_asked(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream), workers=2)) as server:
        assert len(server.workers()) == 2
        assert (await get(server.url)).status_code == 200
        assert (await get(f"{server.admin_url}/healthz")).json() == {"status": "ok"}
        assert await server.stop() == 0


async def test_workers_get_ready_while_the_file_is_read(tmp_path: Path, upstream: FakeUpstream) -> None:
    file = write_conf(tmp_path, {}, workers=2) / "routes.yaml"
    file.unlink()
    os.mkfifo(file)
    others = children_of(os.getpid())
    gateway = serving(tmp_path)
    starting = asyncio.create_task(gateway.__aenter__())
    # Nobody can open it before somebody reads it.
    descriptor = await asyncio.to_thread(os.open, file, os.O_WRONLY)
    (pid,) = set(children_of(os.getpid())) - set(others)
    workers = children_of(pid)
    os.write(descriptor, json.dumps(routes(upstream)).encode())
    os.close(descriptor)
    server = await starting
    assert (len(workers), server.workers()) == (2, workers)
    assert (await get(server.url)).status_code == 200
    assert await server.stop() == 0
    await gateway.__aexit__(None, None, None)


async def test_sigterm_finishes_what_is_in_flight(tmp_path: Path, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate, body=b"finished"))
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        slow = asyncio.create_task(get(server.url))
        await upstream.arrived()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.2)
        assert not stopping.done()
        gate.set()
        assert (await slow).text == "finished"
        assert await stopping == 0


async def test_a_second_signal_ends_it_at_once(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        workers = server.workers()
        hanging = asyncio.create_task(get(server.url))
        await upstream.arrived()
        server.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.1)
        assert await server.stop(signal.SIGINT) == 0
        await until_gone(*workers)
        with pytest.raises(httpx.HTTPError):
            await hanging


async def test_the_graceful_timeout_has_an_end(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    async with serving(write_conf(tmp_path, routes(upstream), server={"graceful_timeout": 0.2})) as server:
        hanging = asyncio.create_task(get(server.url))
        await upstream.arrived()
        assert await server.stop() == 0
        with pytest.raises(httpx.RemoteProtocolError):
            await hanging


async def test_a_killed_worker_is_replaced_at_once(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream), workers=2)) as server:
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        died = await server.logged("worker died")
        assert (died["exit_code"], died["respawn_seconds"]) == (-9, 0)
        for _ in range(20):
            assert (await get(server.url)).status_code == 200
        after = server.workers()
        assert before[1] in after
        assert before[0] not in after


async def test_after_a_bad_file_a_new_worker_serves_what_was_accepted_last(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        accepted = routes(upstream)
        accepted["routes"][0]["uri"] = "/accepted"
        server.write_routes(accepted)
        await server.logged("configuration accepted")
        server.write_routes("routes: [{id: broken")
        refused = await server.logged("configuration refused")
        assert refused["file"] == str(tmp_path / "routes.yaml:2:1")
        os.kill(server.workers()[0], signal.SIGKILL)
        await server.logged("worker died")
        assert (await get(f"{server.url}/accepted")).status_code == 200
        assert (await get(f"{server.url}/")).status_code == 404


async def test_every_mistake_in_a_saved_file_is_told_and_nothing_changes(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        server.write_routes({"routes": [{"id": "a", "uri": "x"}, {"id": "b", "uri": "/b", "tiemout": 1}]})
        await server.logged("configuration refused", 2)
        refused = [line["path"] for line in server.lines if line["event"] == "configuration refused"]
        assert refused == ["routes[0].uri", "routes[1].tiemout"]
        assert (await get(server.url)).status_code == 200


async def test_an_emptied_file_is_not_a_gateway_without_routes(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        server.write_routes("")
        refused = await server.logged("configuration refused")
        assert "is empty" in refused["detail"]
        assert (await get(server.url)).status_code == 200


async def test_a_file_that_is_written_in_place_is_followed_too(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        path = tmp_path / "routes.yaml"
        path.write_text(path.read_text().replace("uri: /*", "uri: /new"))
        await server.logged("configuration accepted")
        assert (await get(f"{server.url}/new")).status_code == 200


async def test_a_link_that_is_turned_is_followed_too(tmp_path: Path, upstream: FakeUpstream) -> None:
    conf = write_conf(tmp_path, routes(upstream))
    for version in ("one", "two"):
        (conf / version).mkdir()
        (conf / version / "routes.yaml").write_text((conf / "routes.yaml").read_text().replace("/*", f"/{version}"))
    (conf / "routes.yaml").unlink()
    (conf / "data").symlink_to("one")
    (conf / "routes.yaml").symlink_to("data/routes.yaml")
    async with serving(conf) as server:
        assert (await get(f"{server.url}/one")).status_code == 200
        (conf / "data.new").symlink_to("two")
        (conf / "data.new").replace(conf / "data")
        await server.logged("configuration accepted")
        assert (await get(f"{server.url}/two")).status_code == 200


async def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, routes(upstream), workers=2)) as server:
        workers = server.workers()
        server.process.kill()
        await until_gone(*workers)
        with socket.create_server(("127.0.0.1", int(server.url.rpartition(":")[2]))):
            pass


async def test_a_worker_that_dies_again_and_again_waits_and_takes_no_connections(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    async with serving(write_conf(tmp_path, routes(upstream), workers=2)) as server:
        victim, other = server.workers()
        for count in range(1, 4):
            os.kill(victim, signal.SIGKILL)
            died = await server.logged("worker died", count)
            if died["respawn_seconds"]:
                break
            victim = await new_worker(server.process.pid, other)
        assert died["respawn_seconds"] > 0
        answers = await asyncio.gather(*(get(server.url) for _ in range(40)))
        assert {answer.status_code for answer in answers} == {200}


async def test_a_slot_whose_port_another_program_took_is_filled_once_it_is_free(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    async with serving(write_conf(tmp_path, routes(upstream))) as server:
        for count in range(1, 4):
            os.kill(await new_worker(server.process.pid, 0), signal.SIGKILL)
            await server.logged("worker died", count)
        with socket.create_server(("127.0.0.1", int(server.url.rpartition(":")[2]))):
            failed = await server.logged("worker can't be started")
            assert (failed["slot"], "Address already in use" in failed["cause"]) == (0, True)
        assert await until_served(server.url) == 200


async def until_served(url: str) -> int:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(httpx.ConnectError):
                return (await get(url)).status_code
            await asyncio.sleep(0.05)


async def new_worker(parent: int, other: int) -> int:
    async with asyncio.timeout(20):
        while not (found := [pid for pid in children_of(parent) if pid != other]):
            await asyncio.sleep(0.01)
    return found[0]


@pytest.mark.parametrize("which", ["listen", "admin"])
async def test_a_port_in_use_is_one_clear_error(tmp_path: Path, upstream: FakeUpstream, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {"listen": [{"address": address}]} if which == "listen" else {"admin": {"address": address}}
        code, output, errors = await run_command(
            "run", "--conf", str(write_conf(tmp_path, routes(upstream), **settings))
        )
    assert (code, output) == (1, "")
    assert errors == f"error: can't listen on {address}: another program does; stop it or choose another port\n"


async def test_two_addresses_that_mean_the_same_port_are_refused(tmp_path: Path, upstream: FakeUpstream) -> None:
    port = free_port()
    listen = [{"address": f"127.0.0.1:{port}"}, {"address": f"0.0.0.0:{port}"}]
    code, _, errors = await run_command("run", "--conf", str(write_conf(tmp_path, routes(upstream), listen=listen)))
    assert code == 1
    assert errors == (
        f"error: can't listen on 0.0.0.0:{port}: 127.0.0.1:{port} is the same port of this machine; change one\n"
    )


async def test_a_second_gateway_on_the_same_port_does_not_start(tmp_path: Path, upstream: FakeUpstream) -> None:
    port = free_port()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_conf(tmp_path / "a", routes(upstream), listen=[{"address": f"127.0.0.1:{port}"}])
    second = write_conf(tmp_path / "b", routes(upstream), listen=[{"address": f"127.0.0.1:{port}"}])
    async with serving(first) as server:
        code, _, errors = await run_command("run", "--conf", str(second))
        assert code == 1
        assert f"can't listen on 127.0.0.1:{port}" in errors
        assert (await get(server.url)).status_code == 200


async def test_the_admin_address_may_be_a_listen_address(tmp_path: Path, upstream: FakeUpstream) -> None:
    address = f"127.0.0.1:{free_port()}"
    conf = write_conf(tmp_path, routes(upstream), listen=[{"address": address}], admin={"address": address})
    async with serving(conf):
        assert (await get(f"http://{address}/healthz")).json() == {"status": "ok"}
        assert (await get(f"http://{address}/other")).text == "ok"


async def test_several_addresses_one_of_them_over_tls(
    tmp_path: Path, upstream: FakeUpstream, certificate: Any, trust: Any
) -> None:
    ports = free_port(), free_port()
    tls = {"cert": str(certificate.cert), "key": str(certificate.key)}
    listen = [{"address": f"127.0.0.1:{ports[0]}"}, {"address": f"127.0.0.1:{ports[1]}", "tls": tls}]
    async with serving(write_conf(tmp_path, routes(upstream), listen=listen)):
        assert (await get(f"http://127.0.0.1:{ports[0]}")).status_code == 200
        async with httpx.AsyncClient(verify=trust, http1=False, http2=True) as client:
            response = await client.get(f"https://127.0.0.1:{ports[1]}")
        assert (response.status_code, response.http_version) == (200, "HTTP/2")


async def test_fifty_changes_under_load_lose_no_request(tmp_path: Path, upstream: FakeUpstream) -> None:
    def numbered(number: int) -> dict[str, Any]:
        document = routes(upstream)
        document["routes"][0]["labels"] = {"number": str(number)}
        return document

    failures: list[str] = []
    answered = 0
    done = asyncio.Event()

    async def load(url: str) -> None:
        nonlocal answered
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(verify=False, timeout=10, limits=limits) as client:
            while not done.is_set():
                try:
                    response = await client.get(url)
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                else:
                    answered += 1
                    if response.status_code != 200:
                        failures.append(str(response.status_code))

    async with serving(write_conf(tmp_path, numbered(0), workers=2)) as server:
        clients = [asyncio.create_task(load(server.url)) for _ in range(8)]
        for number in range(1, 51):
            server.write_routes(numbered(number))
            await server.logged("configuration accepted", number)
        done.set()
        await asyncio.gather(*clients)
    assert not failures
    assert answered > 500
