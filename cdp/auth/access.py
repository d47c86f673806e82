"""A client comes in: its secret for a token, the token for a caller.

Both read the client's row at that moment, so a revocation counts with the next request.
"""

from cdp.auth import repository
from cdp.auth.clients import Caller, is_client_id, is_secret
from cdp.auth.errors import InvalidClientError, RevokedClientError
from cdp.auth.tokens import Token, new_token, read_token
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Connection


def issue_token(
    connection: Connection, ring: KeyRing, client_id: str, secret: str, clock: Clock
) -> Token:
    """Give a token to the client whose secret this is.

    Blocks for the argon2 verification (tens of milliseconds, 64 MiB): call it off the
    event loop and outside of writing transactions.

    Raises:
        InvalidClientError: unknown client, revoked client or wrong secret.
    """
    found = None
    if is_client_id(client_id):
        found = repository.find_client(connection, client_id)
    client, stored_hash = found or (None, None)
    is_right = is_secret(stored_hash, secret)
    if client is None or not is_right or client.state != "active":
        raise InvalidClientError("the client id or the secret is wrong")
    return new_token(ring, client.id, clock.now())


def authenticate(
    connection: Connection, ring: KeyRing, bearer: str, clock: Clock
) -> Caller:
    """Return who holds the token ``bearer`` (without its scheme, see ``bearer_of``).

    Raises:
        InvalidTokenError: not issued by this ring, changed, or its client is gone.
        ExpiredTokenError: its time is over.
        RevokedClientError: its client may no longer call.
    """
    claims = read_token(ring, bearer, clock.now())
    found = repository.find_client(connection, claims.client)
    if found is None or found[0].state != "active":
        raise RevokedClientError("this client may no longer call")
    client = found[0]
    return Caller(
        client_id=client.id,
        name=client.name,
        roles=client.roles,
        purposes=client.purposes,
        token_id=claims.jti,
    )
