"""``meshclaw usage receive``: store what tools on this machine send by OpenTelemetry."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable

import click

from meshclaw.cli import screen
from meshclaw.cli.using import Using, using
from meshclaw.flow.usage import Unread, Usage


@click.command("receive")
@click.option("--port", type=click.IntRange(0, 65_535), default=4318, help="0 takes a free one.")
@click.option(
    "--host", default="127.0.0.1", help="Another address lets other machines send here, without a password."
)
@screen.as_json
def receive(port: int, host: str, as_json: bool) -> None:
    """Store what tools send by OTLP/HTTP until you stop it: Claude Code, Codex, Gemini CLI, anything with gen_ai spans.

    With --json the first line says where it listens, and the last what came.
    """
    from meshclaw.cli.receiving import Receiver

    with using() as opened:
        counted = _Counted(opened)
        with Receiver(counted.keep, host=host, port=port) as receiver:
            url = f"http://{host}:{receiver.server_port}"

            def tell() -> None:
                if as_json:
                    screen.line({"url": url})
                else:
                    screen.words(
                        f"Receiving at {url}; point OTEL_EXPORTER_OTLP_ENDPOINT there. Stop with Ctrl-C."
                    )

            _until_stopped(receiver.serve_forever, receiver.shutdown, tell)
        opened.settle()
    if as_json:
        screen.line({"requests": counted.requests, "usages": counted.usages, "unread": counted.unread})
    else:
        click.echo(
            f"{counted.requests:,} requests with {counted.usages:,} calls or sums of calls are stored."
        )
        if counted.unread:
            screen.words(f"{counted.unread:,} records could not be understood: meshclaw usage doctor")


class _Counted:
    def __init__(self, opened: Using) -> None:
        self._opened = opened
        self.requests = self.usages = self.unread = 0

    def keep(self, found: Iterable[Usage | Unread]) -> None:
        items = list(found)
        self._opened.receive(items)
        usages = sum(isinstance(item, Usage) for item in items)
        self.requests += 1
        self.usages += usages
        self.unread += len(items) - usages


def _until_stopped(serve: Callable[[], None], shutdown: Callable[[], None], tell: Callable[[], None]) -> None:
    """SIGTERM and Ctrl-C end it after the request under way: what was answered is stored.

    ``tell`` that it serves, when both end it well.
    """
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        tell()
        stopped.wait()
    finally:
        shutdown()
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
