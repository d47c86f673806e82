"""Auth: who is calling, and in which role.

Owns sources (who may post events) with their write keys, clients (who may ask) with
their secrets, bearer tokens, and one-time links (a person without an account) with
their sessions.

- A write key is found by its keyed digest; a client's secret is proved against
  argon2id.
- An unknown client and a wrong secret look alike, in the answer and in its time.
- A revocation counts with the next request: a token names its client and nothing more.
- Keys, secrets and links are shown once, when they are made.
- A link opens once. Unknown, used and expired ones look alike.

Refuses: knowing what a caller may see: roles and purposes are words here, the gate
decides.

Source: wire page section 3; RFC 9106; docs/decisions/0005-tokens-without-rows.md.
"""

from cdp.auth.access import authenticate, issue_token
from cdp.auth.clients import Caller, Client, ClientState
from cdp.auth.errors import (
    AuthError,
    ExpiredTokenError,
    InvalidClientError,
    InvalidEntryError,
    InvalidLinkError,
    InvalidTokenError,
    MissingTokenError,
    NameTakenError,
    RegistryError,
    RevokedClientError,
    SessionOverError,
    UnknownNameError,
)
from cdp.auth.links import LINK_LIFE, SESSION_LIFE, LinkSession, NewLink
from cdp.auth.registry import (
    add_client,
    add_source,
    clients,
    revoke_retiring_keys,
    rotate_client_secret,
    rotate_write_key,
    set_client_state,
    set_source_state,
    source_keys,
    sources,
)
from cdp.auth.sources import Source, SourceKind, State, write_key_digest
from cdp.auth.tokens import TOKEN_LIFE, Token, bearer_of
from cdp.auth.visits import end_session, make_link, open_link, session_of

__all__ = [
    "LINK_LIFE",
    "SESSION_LIFE",
    "TOKEN_LIFE",
    "AuthError",
    "Caller",
    "Client",
    "ClientState",
    "ExpiredTokenError",
    "InvalidClientError",
    "InvalidEntryError",
    "InvalidLinkError",
    "InvalidTokenError",
    "LinkSession",
    "MissingTokenError",
    "NameTakenError",
    "NewLink",
    "RegistryError",
    "RevokedClientError",
    "SessionOverError",
    "Source",
    "SourceKind",
    "State",
    "Token",
    "UnknownNameError",
    "add_client",
    "add_source",
    "authenticate",
    "bearer_of",
    "clients",
    "end_session",
    "issue_token",
    "make_link",
    "open_link",
    "revoke_retiring_keys",
    "rotate_client_secret",
    "rotate_write_key",
    "session_of",
    "set_client_state",
    "set_source_state",
    "source_keys",
    "sources",
    "write_key_digest",
]
