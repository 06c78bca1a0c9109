# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token server (Docker's token specification, and its OAuth2 one) for one user, whose tokens real registries take.

Tokens are JSON Web Tokens (RFC 7519, ES256) with the signer's certificate in ``x5c``, which Distribution 2.8 and 3 both
check against ``auth.token.rootcertbundle``.
"""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
import typing as t
import uuid
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.authority import Signed

ISSUER, SERVICE = "test issuer", "test service"
LEEWAY = 60
"""Seconds for which Distribution takes a token beyond its end."""


class TokenServer:
    """Grants a user all that he asks for, and everybody else nothing.

    ``expires_in`` is what it says of how long a token lives, ``ends_in`` how long it does, both in seconds.
    """

    def __init__(self, user: Credentials, identity: str, signed: Signed) -> None:
        self.expires_in = 300
        self.ends_in = 300
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self._user = user
        self._identity = identity
        self._signed = signed
        server = self

        class Handler(_Handler):
            tokens = server

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.realm = f"http://127.0.0.1:{self._http.server_address[1]}/token"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def config(self, bundle: str) -> str:
        """Return the registry's configuration; ``bundle`` is the path of the CA's certificate."""
        token = {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}
        return f"auth: {{token: {json.dumps(token)}}}"

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, method: str, query: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, t.Any]]:
        """Return status and document for a request."""
        self.asked.append(method)
        scopes = [scope for value in query.get("scope", []) for scope in value.split()]
        if query["service"] != [SERVICE]:
            return 400, {"error": "invalid_request"}
        if method == "POST":
            if query["grant_type"] != ["refresh_token"] or query["refresh_token"] != [self._identity]:
                return 401, {"error": "invalid_grant"}
            return 200, {"access_token": self.token(scopes), "expires_in": self.expires_in}
        if authorization and authorization != self._user.header:
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]}
        return 200, {"token": self.token(scopes if authorization else []), "expires_in": self.expires_in}

    def token(self, scopes: list[str]) -> str:
        """Return a token for these scopes."""
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": self._user.username,
            "aud": SERVICE,
            "exp": now + self.ends_in,
            "nbf": now - 3600,
            "iat": now - 3600,
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        der = self._signed.certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._signed.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        token = f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        self.tokens.append(token)
        return token


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    tokens: TokenServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query = parse_qs(body if self.command == "POST" else urlsplit(self.path).query)
        status, document = self.tokens.answer(self.command, query, self.headers.get("Authorization", ""))
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = _handle  # noqa: N815  # names the base class calls

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
