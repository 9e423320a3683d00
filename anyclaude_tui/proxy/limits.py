"""The proxy's deadlines and bounds: the `[limits]` section of the configuration."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Size = Annotated[int, msgspec.Meta(gt=0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[limits]`: deadlines and bounds of a request; times in seconds, sizes in bytes."""

    keepalive_s: Seconds = 10.0
    """While the backend is silent the client gets a keepalive this often."""
    commit_s: Seconds = 5.0
    """How long a real HTTP error status stays possible: after this long without an answer
    the reply begins (200 and message_start), so that keepalives can be sent."""
    first_byte_s: Seconds = 900.0
    """The backend's first delta must come within this time: local prefill is slow."""
    between_deltas_s: Seconds = 60.0
    """Once decoding, a longer silence is a stall: the reply is ended and says so.
    While a tool call is generated many servers send nothing: see tool_call_s."""
    tool_call_s: Seconds = 600.0
    """Longest silence after a backend that sends tool calls whole (mlx_lm) went quiet
    in a request with tools."""
    connect_s: Seconds = 10.0
    """Time to connect to the backend."""
    client_stall_s: Seconds = 600.0
    """A client that reads nothing for this long is taken as gone."""
    recover_s: Seconds = 300.0
    """How long a request waits for a backend that died to come back."""
    queue_s: Seconds = 1800.0
    """Longest wait in the queue."""
    retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    """How often a request that showed nothing yet is sent again by itself."""
    max_body_bytes: Size = 32 * 1024 * 1024
    """A larger request is refused with 413."""
    max_event_bytes: Size = 8 * 1024 * 1024
    """A larger single event from the backend ends the reply as malformed."""
