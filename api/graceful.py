"""A server that finishes what runs when it is told to end, and stops at once when it is told again."""

from __future__ import annotations

import os
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """The first signal closes the port and lets every answer end, streamed ones too, at most
    ``timeout_graceful_shutdown`` seconds; the second one ends the process."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)  # threads that sample cannot be interrupted, and an orderly exit waits for them
        super().handle_exit(sig, frame)
