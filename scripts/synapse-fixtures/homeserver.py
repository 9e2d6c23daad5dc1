"""A Synapse on the loopback address, and users of it."""

import itertools
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from signedjson.key import generate_signing_key, write_signing_keys

START_SECONDS = 90
GENEROUS = {"per_second": 100000, "burst_count": 100000}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def request(method, url, body=None, headers=None, context=None):
    data = None if body is None else json.dumps(body).encode()
    made = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(made, timeout=60, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode()) from None


class Homeserver:
    """Runs as long as the `with` block."""

    def __init__(self, folder, certificate):
        self.folder, self.certificate = folder, certificate
        self.database = folder / "homeserver.db"
        self.federation_port, self.client_port = free_port(), free_port()
        self.name = f"localhost:{self.federation_port}"
        self.url = f"http://127.0.0.1:{self.client_port}"

    def __enter__(self):
        with open(self.folder / "signing.key", "w") as file:
            write_signing_keys(file, [generate_signing_key("a_fixture")])
        (self.folder / "log.json").write_text(json.dumps(self.log_config()))
        # JSON is YAML.
        (self.folder / "homeserver.yaml").write_text(json.dumps(self.config()))
        command = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.folder / "homeserver.yaml")]
        environment = {**os.environ, "SSL_CERT_FILE": str(self.certificate.certificate)}
        self.output = open(self.folder / "output.txt", "w")
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=self.output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                request("GET", f"{self.url}/_matrix/client/versions")
                return self
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit((self.folder / "output.txt").read_text())
                time.sleep(0.1)

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait()
        self.output.close()
        if kind is not None:
            sys.stderr.write((self.folder / "output.txt").read_text()[-8000:])

    def config(self):
        folder = str(self.folder)
        tls = {"tls_certificate_path": str(self.certificate.certificate), "tls_private_key_path": str(self.certificate.key)}
        listener = {"type": "http", "bind_addresses": ["127.0.0.1"]}
        return {
            "server_name": self.name,
            **tls,
            "pid_file": f"{folder}/homeserver.pid",
            "log_config": f"{folder}/log.json",
            "signing_key_path": f"{folder}/signing.key",
            "listeners": [
                {**listener, "port": self.client_port, "tls": False, "resources": [{"names": ["client"]}]},
                {**listener, "port": self.federation_port, "tls": True, "resources": [{"names": ["federation"]}]},
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.database)}},
            "media_store_path": f"{folder}/media",
            "macaroon_secret_key": "for-fixtures-only",
            "form_secret": "for-fixtures-only",
            "report_stats": False,
            "public_baseurl": f"{self.url}/",
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_custom_ca_list": [str(self.certificate.certificate)],
            "federation_verify_certificates": False,
            "ip_range_blacklist": [],
            "presence": {"enabled": False},
            "rc_message": GENEROUS,
            "rc_registration": GENEROUS,
            "rc_room_creation": GENEROUS,
            "rc_login": {"address": GENEROUS, "account": GENEROUS, "failed_attempts": GENEROUS},
            "rc_joins": {"local": GENEROUS, "remote": GENEROUS},
            "rc_joins_per_room": GENEROUS,
            "rc_invites": {"per_room": GENEROUS, "per_user": GENEROUS, "per_issuer": GENEROUS},
            "rc_federation": {"window_size": 1000, "sleep_limit": 100000, "sleep_delay": 1, "reject_limit": 100000, "concurrent": 100},
        }

    def log_config(self):
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"out": {"class": "logging.StreamHandler"}},
            "root": {"level": "WARNING", "handlers": ["out"]},
        }

    def register(self, name):
        body = {"username": name, "password": f"{name} {name}", "auth": {"type": "m.login.dummy"}}
        answer = request("POST", f"{self.url}/_matrix/client/v3/register", body)
        return User(self.url, answer["user_id"], answer["access_token"])

    def key_document(self):
        context = ssl.create_default_context(cafile=str(self.certificate.certificate))
        return request("GET", f"https://{self.name}/_matrix/key/v2/server", context=context)


class User:
    """A user of the Synapse and what a client does for them."""

    transactions = itertools.count()

    def __init__(self, url, user_id, token):
        self.url, self.id, self.token = url, user_id, token

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        return request(method, f"{self.url}/_matrix/client{path}", body, headers)

    def create_room(self, version, **settings):
        return self.call("POST", "/v3/createRoom", {"room_version": version, **settings})["room_id"]

    def join(self, room_id):
        self.call("POST", f"/v3/join/{quote(room_id)}", {})

    def knock(self, room_id):
        self.call("POST", f"/v3/knock/{quote(room_id)}", {})

    def leave(self, room_id):
        self.call("POST", f"/v3/rooms/{quote(room_id)}/leave", {})

    def moderate(self, action, room_id, user_id, reason="because"):
        self.call("POST", f"/v3/rooms/{quote(room_id)}/{action}", {"user_id": user_id, "reason": reason})

    def say(self, room_id, body):
        path = f"/v3/rooms/{quote(room_id)}/send/m.room.message/{next(self.transactions)}"
        return self.call("PUT", path, {"msgtype": "m.text", "body": body})["event_id"]

    def set(self, room_id, kind, content, state_key=""):
        path = f"/v3/rooms/{quote(room_id)}/state/{kind}/{quote(state_key)}"
        return self.call("PUT", path, content)["event_id"]

    def get(self, room_id, kind, state_key=""):
        return self.call("GET", f"/v3/rooms/{quote(room_id)}/state/{kind}/{quote(state_key)}")

    def redact(self, room_id, event_id):
        path = f"/v3/rooms/{quote(room_id)}/redact/{quote(event_id)}/{next(self.transactions)}"
        return self.call("PUT", path, {"reason": "spam"})["event_id"]

    def levels(self, room_id, **changes):
        """Changes the power levels; `users` and `events` are merged with what is there."""
        # Synapse takes levels that are strings from other servers, but not from its clients.
        levels = {key: int(value) if isinstance(value, str) else value for key, value in self.get(room_id, "m.room.power_levels").items()}
        for key, value in changes.items():
            levels[key] = {**levels.get(key, {}), **value} if isinstance(value, dict) else value
        return self.set(room_id, "m.room.power_levels", levels)

    def upgrade(self, room_id, version):
        return self.call("POST", f"/v3/rooms/{quote(room_id)}/upgrade", {"new_version": version})["replacement_room"]


def quote(text):
    return urllib.parse.quote(text, safe="")
