"""Servers that are slow in every way: told within one limit of time, whatever they drip."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

from repro.deadline import within
from repro.errors import UserError
from repro.runs import cluster
from repro.tracking import store

LIMIT_S = 0.5
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def silent(_: socket.socket) -> None:
    pass


def drips_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        time.sleep(LIMIT_S / 5)
        connection.sendall(f"X-{number}: 1\r\n".encode())


def drips_bytes(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" * 20:
        time.sleep(LIMIT_S / 5)
        connection.sendall(bytes([byte]))


def redirects_slowly(connection: socket.socket) -> None:
    time.sleep(LIMIT_S * 0.8)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /health2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def healthy_then_drips(connection: socket.socket) -> None:
    if b"/health" in connection.recv(4096):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
    else:
        drips_headers(connection)


def other_program(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def hangs_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def greets(connection: socket.socket) -> None:
    connection.sendall(SETTINGS)


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yields the port of a server that treats each connection in its own way."""
    held: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            behave(connection)
            if behave in (redirects_slowly, healthy_then_drips, other_program):
                connection.close()

    def listen() -> None:
        with suppress(OSError):
            while True:
                held.append(listening.accept()[0])
                threading.Thread(target=serve, args=[held[-1]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=listen, daemon=True).start()
        yield listening.getsockname()[1]
    for each in held:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.mark.parametrize("behave", [silent, drips_headers, drips_bytes, redirects_slowly, healthy_then_drips])
def test_a_slow_tracking_server_is_told_in_time(behave, tmp_path, monkeypatch) -> None:
    store.import_mlflow()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(store, "SERVER_TIMEOUT_S", LIMIT_S)
    monkeypatch.setenv(store.TIMEOUT_VARIABLE, "1")
    with server(behave) as port:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{port}")
        started = time.monotonic()
        with pytest.raises(UserError) as told:
            store.open_store("any")
        assert time.monotonic() - started < 4 + LIMIT_S, "three seconds for a machine with much else to do"
    assert f"MLFLOW_TRACKING_URI=http://127.0.0.1:{port}: no " in str(told.value)
    assert f"longer than {LIMIT_S} s" in str(told.value) or "answer within 1 s" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_server_that_falls_silent_later_is_told_as_well(monkeypatch) -> None:
    mlflow = store.import_mlflow()
    client = SimpleNamespace(search_runs=lambda: time.sleep(5), log_artifacts=lambda: "done")
    monkeypatch.setattr(mlflow, "MlflowClient", lambda **_: client)
    monkeypatch.setenv(store.TIMEOUT_VARIABLE, "1")
    opened = store.open_client(mlflow, "http://user:secret@server", "name another")
    with pytest.raises(store.NoAnswerError, match=r"^--tracking-uri=http://server: no whole answer within 1 s\n"):
        opened.search_runs()
    assert opened.log_artifacts() == "done"


def test_a_limit_of_time_that_is_no_number_is_refused(monkeypatch) -> None:
    monkeypatch.setenv(store.TIMEOUT_VARIABLE, "abc")
    with pytest.raises(UserError, match=f"^{store.TIMEOUT_VARIABLE}=abc: no whole number\n  unset it"):
        store.import_mlflow()


def test_what_answers_anything_is_no_server(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    client = SimpleNamespace(get_experiment_by_name=lambda _: SimpleNamespace(experiment_id=""))
    with pytest.raises(
        UserError, match=r"^MLFLOW_TRACKING_URI=http://server: what answers there is no server of MLflow"
    ):
        store.find_experiment(client, "http://server", "any")


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (silent, f"it takes longer than {LIMIT_S} s"),
        (drips_bytes, f"it takes longer than {LIMIT_S} s"),
        (other_program, "what answers there is not Ray"),
        (hangs_up, "what answers there is not Ray"),
    ],
)
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_what_is_no_cluster_is_told_in_time(behave, reason: str, scheme: str, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_TIMEOUT_S", LIMIT_S)
    monkeypatch.delenv("RAY_USE_TLS", raising=False)
    with server(behave) as port:
        address = f"{scheme}127.0.0.1:{port}"
        with pytest.raises(UserError) as told:
            cluster._check_answer(address)
    assert str(told.value) in (
        f"RAY_ADDRESS={address}: no cluster answers there ({reason})\n  unset it to run the runs here",
        f"RAY_ADDRESS={address}: no cluster answers there (timed out)\n  unset it to run the runs here",
        f"RAY_ADDRESS={address}: no cluster answers there ([Errno 104] Connection reset by peer)\n"
        "  unset it to run the runs here",
    )


def test_what_greets_as_ray_does_is_taken_for_it(monkeypatch) -> None:
    monkeypatch.delenv("RAY_USE_TLS", raising=False)
    with server(greets) as port:
        cluster._check_answer(f"127.0.0.1:{port}")


def test_an_answer_and_an_error_are_passed_on() -> None:
    assert within(5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    with pytest.raises(TimeoutError, match=r"longer than 0\.05 s"):
        within(0.05, lambda: time.sleep(1))
