"""The questions and commands of the dashboard to the session, from its own thread.

Every command returns at once, with a future; what it raises is what the session's method of
that name raises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyclaude_tui.session import request_material

if TYPE_CHECKING:
    from anyclaude_tui.backends.base import ModelInfo
    from anyclaude_tui.backends.discovery import Discovery
    from anyclaude_tui.backends.models.memory import Estimate
    from anyclaude_tui.claude_code.launch import Launch
    from anyclaude_tui.config.settings import Settings
    from anyclaude_tui.prefix.counted import CountedPrompt
    from anyclaude_tui.session.request_material import Material
    from anyclaude_tui.session.session import Session
    from anyclaude_tui.telemetry.hub import Snapshot

T = TypeVar("T")


class SessionClient(ABC):
    """The session's last snapshot, and its commands."""

    @property
    @abstractmethod
    def home(self) -> Path:
        """The folder of our files (journal, traces, logs)."""

    @property
    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The last published snapshot."""

    @abstractmethod
    def call(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> Future[T]:
        """Any work on the session's loop: for the comparison, which runs a session's parts
        itself (`compare/job.py`). Screens have the commands below."""

    # --- backends ---

    def switch(self, name: str) -> Future[None]:
        """Switch to the backend NAME or KIND:REST; raises BackendError or ConfigError."""
        return self.call(lambda session: session.switch(name))

    def restart_backend(self) -> Future[None]:
        """Stop and start the active backend (a cold cache)."""
        return self.call(lambda session: session.restart_backend())

    def stop_backend(self, name: str) -> Future[None]:
        """Stop a backend that is not the active one."""
        return self.call(lambda session: session.switchboard.release(name))

    def remedy(self) -> Future[None]:
        """Do what the active backend's status offers as its remedy."""
        return self.call(lambda session: session.switchboard.remedy())

    def discover(self) -> Future[Discovery]:
        """Look for servers that run and models that lie on disk."""
        return self.call(lambda session: session.discover())

    def models(self, name: str) -> Future[Sequence[ModelInfo]]:
        """The models that a backend lists."""
        return self.call(lambda session: session.models(name))

    def load_model(self, name: str, model: str, context_tokens: int | None = None) -> Future[None]:
        """Load a model on a backend and send new requests to it."""
        return self.call(
            lambda session: session.switchboard.load_model(name, model, context_tokens)
        )

    def unload_model(self, name: str, model: str) -> Future[None]:
        """Unload a model of a backend's."""
        return self.call(lambda session: session.switchboard.unload_model(name, model))

    def estimate(self, name: str) -> Future[Estimate | None]:
        """The memory that a backend will need; None where that cannot be told."""
        return self.call(lambda session: session.estimate(name))

    # --- Claude Code and settings ---

    def claude(self, mode: str) -> Future[Launch]:
        """Make the launch of the program in the pane; `mode`: start, continue or shell."""
        return self.call(lambda session: session.claude(mode))

    def claude_version(self) -> Future[tuple[str | None, str | None]]:
        """The path of Claude Code and its version; None for what is not known."""
        return self.call(lambda session: session.claude_version())

    def apply(self, settings: Settings) -> Future[None]:
        """Other settings, as far as they can be applied while the session runs."""
        return self.call(lambda session: session.apply(settings))

    # --- requests ---

    def request_material(self, request_id: str) -> Future[Material | None]:
        """All that is kept of a request; None when nothing is."""
        return self.call(lambda session: request_material.material(session, request_id))

    def request_tokens(self, request_id: str) -> Future[CountedPrompt | None]:
        """The tokens of its prompt's pieces; None where they cannot be told to the token."""
        return self.call(lambda session: request_material.exact_tokens(session, request_id))

    def request_moments(self, request_id: str) -> Future[list[dict[str, Any]]]:
        """The events so far of a request that runs, as its trace will hold them."""
        return self.call(lambda session: request_material.moments(session, request_id))

    def last_turn(self) -> Future[dict[str, Any] | None]:
        """The body of the newest of Claude Code's main requests that is kept."""
        return self.call(request_material.last_turn)
