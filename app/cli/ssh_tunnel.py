"""What `ssh` runs to reach a job: `python -m app.cli.ssh_tunnel`, with the address in a variable."""

import os
import sys
import threading

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from app.cli.ssh import ADDRESS

PIECE_BYTES = 64 * 1024


def tunnel(address: str) -> None:
    """Carry standard input to a websocket and what it says to standard output, until either ends."""
    with connect(address, max_size=None, compression=None) as server:
        threading.Thread(target=_send, args=(server,), daemon=True).start()
        for said in server:
            os.write(sys.stdout.fileno(), said)


def _send(server: ClientConnection) -> None:
    try:
        while piece := os.read(sys.stdin.fileno(), PIECE_BYTES):
            server.send(piece)
        server.close()
    except ConnectionClosed:
        return


if __name__ == "__main__":
    try:
        tunnel(os.environ[ADDRESS])
    except (OSError, WebSocketException) as error:
        sys.exit(f"atelier: the way to the job broke: {error}")
