"""What a server holds, out of /proc."""

import os
import socket

from bench.footprint import Footprint, clients, peak_kib, reset_peak, settled

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1 0 100 0 0 10 0
   1: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 502 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0200007F:C351 08 00000000:00000000 00:00000000 00000000     0        0 503 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0200007F:C352 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
   4: 0200007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 504 1 0 20 4 30 10 -1
"""


def test_connections_that_somebody_holds_are_counted_and_the_listening_socket_is_not() -> None:
    assert clients(TABLE, 0x1F90) == 2


def test_connections_to_other_ports_are_not_counted() -> None:
    assert clients(TABLE, 0x1F91) == 0


def test_a_connection_is_part_of_the_footprint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        before = Footprint.of(os.getpid(), port)
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            during = Footprint.of(os.getpid(), port)
    assert (before.clients, during.clients, during.descriptors - before.descriptors) == (0, 1, 2)


def test_a_server_without_clients_is_settled_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert settled(os.getpid(), server.getsockname()[1], 0).clients == 0


def test_the_peak_is_at_least_what_is_held() -> None:
    reset_peak(os.getpid())
    assert peak_kib(os.getpid()) > 0
