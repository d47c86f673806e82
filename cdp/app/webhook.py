"""The webhook: changes of consent are carried to one receiver, signed.

- Standard Webhooks: ``webhook-id``, ``webhook-timestamp``, and ``webhook-signature``
  over both and the body. The id of a change is the same however often it is tried.
- What is sent was recorded first (``cdp.gate.Outbox``). It is removed after a 2xx
  alone, so after a crash it is sent again: at least once, and the receiver drops what
  it has.
- Of one subject a change waits until the one before was taken; other subjects go on. A
  receiver that is down is asked with one change at a time, ever more rarely.
- It runs in a loop of its own: a receiver that fails, hangs or lies holds up nobody.

Refuses: any address but the one that is set; plain http beyond this machine; redirects;
proxies of the environment; reading the body of an answer.

Source: Standard Webhooks 1.0.0 (standardwebhooks.com);
docs/decisions/0045-consent-changes-by-webhook.md.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

import cdp
from cdp.gate import Message, Outbox
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import SettingError, Settings, get_logger

_MAC_LABEL: Final = "webhook"
_MAC_INPUT: Final = b"standard-webhooks/v1|"
_PREFIX: Final = "whsec_"
# The first byte to the last of the answer's head. The specification recommends 15 to 30
# seconds; ten also bound how long a stopping service waits for its receiver.
_DEADLINE_SECONDS: Final = 10.0
_AT_ONCE: Final = 100
_IN_FLIGHT: Final = 8
_FIRST_PAUSE_SECONDS: Final = 1
_LONGEST_PAUSE_SECONDS: Final = 300
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


class WebhookTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told, and where. The address may hold a token: it is not printed."""

    url: str
    name: str

    def __repr__(self) -> str:
        return f"WebhookTarget({self.name!r})"


def webhook_target(settings: Settings) -> WebhookTarget | None:
    """Return the receiver that is set, if any.

    Raises:
        SettingError: the address is none, or would send changes in the clear.
    """
    if not settings.webhook_url:
        return None
    if not _NAME.fullmatch(settings.webhook_name):
        raise SettingError(
            "CDP_WEBHOOK_NAME is 1 to 64 letters, digits and _ . - after the first"
        )
    try:
        parts = urlsplit(settings.webhook_url)
        host, port = parts.hostname, parts.port
        httpx.URL(settings.webhook_url)  # what this cannot read is never sent to
    except (ValueError, httpx.InvalidURL) as error:
        raise SettingError("CDP_WEBHOOK_URL is not an address") from error
    is_told = parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))
    if not host or port == 0 or not is_told:
        raise SettingError(
            "CDP_WEBHOOK_URL is an https address; plain http is for this machine alone"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise SettingError("CDP_WEBHOOK_URL holds neither a user nor a fragment")
    return WebhookTarget(url=settings.webhook_url, name=settings.webhook_name)


def webhook_secret(ring: KeyRing, name: str) -> bytes:
    """Return the 32 bytes that a receiver of that name shares with this key ring."""
    return ring.mac(_MAC_LABEL, _MAC_INPUT + name.encode())


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that libraries of the specification read."""
    return _PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    made = hmac.digest(secret, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(made).decode()}"


class Webhook:
    """Carries what waits in the outbox to the receiver, a batch for each round."""

    def __init__(
        self,
        target: WebhookTarget,
        *,
        outbox: Outbox,
        ring: KeyRing,
        clock: Clock,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._target = target
        self._outbox = outbox
        self._secret = webhook_secret(ring, target.name)
        self._clock = clock
        self._deadline = deadline_seconds
        self._failures = 0
        self._rests_until: datetime | None = None

    def deliver(self) -> int:
        """Send what is due; return how many changes were taken.

        Raises:
            StoreUnavailableError: nothing was recorded, so nothing was sent; or what
                was sent could not be removed and will be sent again.
        """
        now = self._clock.now()
        if self._rests_until is not None and now < self._rests_until:
            return 0
        messages = self._outbox.take(1 if self._failures else _AT_ONCE)
        if not messages:
            return 0
        answers = asyncio.run(self._send(messages))
        taken = [m for m, code in zip(messages, answers, strict=True) if code is None]
        failed = [
            (m, code)
            for m, code in zip(messages, answers, strict=True)
            if code is not None
        ]
        now = self._clock.now()
        again = [(message, now + _pause(message.attempts)) for message, _ in failed]
        self._outbox.settle(taken, again)
        self._note(failed, has_taken=bool(taken), now=now)
        return len(taken)

    def _note(
        self,
        failed: Sequence[tuple[Message, str]],
        *,
        has_taken: bool,
        now: datetime,
    ) -> None:
        if failed:
            get_logger("webhook").warning(
                "webhook.failed", rows=len(failed), code=failed[0][1]
            )
        if has_taken or not failed:
            self._failures, self._rests_until = 0, None
        else:
            self._rests_until = now + _pause(self._failures)
            self._failures += 1

    async def _send(self, messages: Sequence[Message]) -> list[str | None]:
        gate = asyncio.Semaphore(_IN_FLIGHT)
        async with httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # noqa: S113 - the deadline below is over everything
        ) as client:

            async def one(message: Message) -> str | None:
                async with gate:
                    return await self._post(client, message)

            return await asyncio.gather(*(one(message) for message in messages))

    async def _post(self, client: httpx.AsyncClient, message: Message) -> str | None:
        """Return None when the receiver took the message, else what went wrong."""
        sent_at = int(self._clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": f"cdp/{cdp.__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(sent_at),
            "webhook-signature": signature(
                self._secret, message.id, sent_at, message.body
            ),
        }
        try:
            # One deadline over everything: a receiver that drips bytes is not waited
            # for. Of its answer only the status is read.
            async with (
                asyncio.timeout(self._deadline),
                client.stream(
                    "POST", self._target.url, content=message.body, headers=headers
                ) as response,
            ):
                return None if response.is_success else str(response.status_code)
        except TimeoutError:
            return "timeout"
        except (httpx.HTTPError, OSError):
            return "unreachable"


def _pause(failures: int) -> timedelta:
    """Return how long to wait after so many failures before: doubling, with a cap."""
    doubled = _FIRST_PAUSE_SECONDS << min(failures, 30)
    return timedelta(seconds=min(doubled, _LONGEST_PAUSE_SECONDS))


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
