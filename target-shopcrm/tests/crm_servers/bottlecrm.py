"""A real BottleCRM 1.35.0 with a PostgreSQL and a Redis of its own.

Everything a test asks is asked of its database, past the API that is under test.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import requests
from crm_fakes.bottlecrm_rows import canonical
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from shopcrm_database import running_server

from crm_servers.processes import answers, free_port, installed, needed_program, run, running

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("django-crm==1.35.0", "packaging")
"""kombu imports packaging, and nobody declares it."""
_OLDEST_PYTHON = (3, 12)
_USER = "sync@shop.example"
_ORGANISATION = """
import django; django.setup()
from common.models import Org, Profile
from django.contrib.auth import get_user_model
from django.db import connection
user, _ = get_user_model().objects.get_or_create(email='sync@shop.example')
org = Org.objects.create(name='Corner Shop')
with connection.cursor() as cursor:
    cursor.execute("select set_config('app.current_org', %s, false)", [str(org.id)])
Profile.objects.create(
    user=user, org=org, role='ADMIN', is_organization_admin=True, is_active=True
)
"""
_ALL = "contacts, task, tags, contacts_tags, task_contacts, task_tags"


@dataclass
class RealBottleCRM:
    """The running server, with the questions of a fake."""

    url: str
    api_key: str
    database: str
    redis_command: list[str]
    redis_port: int
    folder: Path
    redis: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def reset(self) -> None:
        """Back to an organisation without contacts; its custom fields stay declared."""
        self.ask(f"TRUNCATE {_ALL} CASCADE")
        self.ask("UPDATE custom_field_definition SET is_active = true")

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, as a superuser whom row-level security doesn't hold up."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def start_redis(self) -> None:
        """Start Redis, or start it again."""
        self.redis.enter_context(
            running(
                self.redis_command,
                self.folder,
                os.environ,
                lambda: answers(self.redis_port),
            )
        )

    @contextlib.contextmanager
    def without_redis(self) -> Iterator[None]:
        """Stop Redis for the length of the block."""
        self.redis.close()
        yield
        self.start_redis()

    def mailable(self) -> set[tuple[str, str]]:
        """Everybody whom a shop that goes by the consent fields would write to."""
        return {
            (channel, address)
            for channel, address, state, do_not_call in self._consents()
            if state == "subscribed" and not (channel == "sms" and do_not_call)
        }

    def opted_out(self) -> set[tuple[str, str]]:
        """Everybody marked as unsubscribed, or not to be called without our doing."""
        return {
            (channel, address)
            for channel, address, state, do_not_call in self._consents()
            if state == "unsubscribed"
            or (channel == "sms" and do_not_call and state != "withdrawn")
        }

    def _consents(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "SELECT 'email', lower(email), custom_fields->>'email_marketing', do_not_call"
            " FROM contacts WHERE email <> '' UNION ALL"
            " SELECT 'sms', phone_e164, custom_fields->>'sms_marketing', do_not_call"
            " FROM contacts WHERE phone_e164 <> ''"
        )

    def known(self) -> set[str]:
        """Every address of a contact."""
        return {address for _, address, *_ in self._consents()}

    def members(self) -> dict[str, set[str]]:
        """For each tag the e-mail addresses of its contacts."""
        found: dict[str, set[str]] = {str(row[0]): set() for row in self.ask("SELECT id FROM tags")}
        for tag, email in self.ask(
            "SELECT tags_id, email FROM contacts_tags JOIN contacts ON contacts.id = contact_id"
        ):
            found[str(tag)].add(email)
        return found

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields as BottleCRM holds them."""
        for name, email, phone, custom in self.ask(
            "SELECT first_name, email, phone, custom_fields FROM contacts"
            " WHERE lower(email) = %s OR phone_e164 = %s",
            address,
            address,
        ):
            row = {"first_name": name, "email": email, "phone": phone, "custom_fields": custom}
            return canonical(row)
        return {}

    def counts(self) -> dict[str, int]:
        """How much of each it holds."""
        ((contacts, tasks),) = self.ask(
            "SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM task)"
        )
        return {"orders": 0, "events": 0, "contacts": contacts, "cues": tasks}

    def person_opts_out(self, channel: str, address: str) -> None:
        """Staff picks *unsubscribed* for a person who said no."""
        column = "lower(email)" if channel == "email" else "phone_e164"
        self._change(address, column, {"custom_fields": {f"{channel}_marketing": "unsubscribed"}})

    def switch_do_not_call(self, email: str) -> None:
        """Staff ticks *do not call*."""
        self._change(email, "lower(email)", {"do_not_call": True})

    def owner_adds(self, email: str) -> None:
        """The owner types a subscriber in by hand."""
        custom = {"email_marketing": "subscribed"}
        names = {"first_name": "Typed", "last_name": "In"}
        self._call("POST", "contacts/", {**names, "email": email, "custom_fields": custom})

    def lists(self) -> dict[str, str]:
        """The ids of the tags, by their names."""
        return {name: str(tag) for name, tag in self.ask("SELECT name, id FROM tags")}

    def add_list(self, name: str) -> str:
        """The owner makes a tag; returns its id."""
        made: str = self._call("POST", "tags/", {"name": name})["tag"]["id"]
        return made

    def switch_off(self, key: str) -> None:
        """An administrator switches a custom field off."""
        self.ask("UPDATE custom_field_definition SET is_active = false WHERE key = %s", key)

    def _change(self, address: str, column: str, body: dict[str, Any]) -> None:
        for (contact_id,) in self.ask(f"SELECT id FROM contacts WHERE {column} = %s", address):  # noqa: S608 - constants
            self._call("PATCH", f"contacts/{contact_id}/", body)

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        token = {"Authorization": f"Bearer {self.api_key}"}
        answer = requests.request(
            method, f"{self.url}/api/{path}", json=body, headers=token, timeout=30
        )
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def real_bottlecrm(folder: Path) -> Iterator[RealBottleCRM]:
    """Install, migrate and start a BottleCRM; skips where this machine can't run one.

    Args:
        folder: An empty folder, which may be deleted afterwards.
    """
    redis_server = needed_program("redis-server")
    programs = installed(_python(), folder / "venv", PACKAGES)
    redis_port, port = free_port(), free_port()
    redis_command = [redis_server, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
    with running_server(folder / "database", durable=False) as server:
        address = conninfo_to_dict(server.create_database("bottlecrm"))
        admin = make_conninfo(server.admin_url, dbname="bottlecrm")
        environment = _environment(address, redis_port, port)
        real = RealBottleCRM(
            f"http://127.0.0.1:{port}", "", admin, redis_command, redis_port, folder
        )
        run([str(programs / "django-admin"), "migrate"], folder, environment)
        run([str(programs / "python"), "-c", _ORGANISATION], folder, environment)
        with real.redis:
            real.start_redis()
            command = [str(programs / "gunicorn"), "-b", f"127.0.0.1:{port}", "-w", "1"]
            command += ["--threads", "4", "crm.wsgi:application"]
            with running(command, folder, environment, lambda: answers(port)):
                real.api_key = _token(programs, folder, environment, real.url)
                yield real


def _python() -> str:
    """A Python that django-crm 1.35.0 runs on; older ones silently get another program."""
    names = [os.environ.get("SHOPCRM_TEST_PYTHON"), "python3.13", "python3.12", "python3.14"]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(name) for name in names if name]
    candidates += [str(each / "bin" / "python3") for each in sorted(pyenv.glob("3.1[2-9]*"))]
    for candidate in candidates:
        if candidate is None:
            continue
        code = f"import sys; sys.exit(sys.version_info < {_OLDEST_PYTHON})"
        if (
            subprocess.run([candidate, "-c", code], check=False, capture_output=True).returncode
            == 0
        ):
            return candidate
    pytest.skip("BottleCRM needs Python 3.12 or newer; set SHOPCRM_TEST_PYTHON to one")


def _environment(address: dict[str, Any], redis_port: int, port: int) -> dict[str, str]:
    redis = f"redis://127.0.0.1:{redis_port}/0"
    return {
        **os.environ,
        "SECRET_KEY": uuid.uuid4().hex * 2,
        "ENV_TYPE": "dev",
        "DEBUG": "True",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DBNAME": "bottlecrm",
        "DBUSER": str(address["user"]),
        "DBPASSWORD": str(address["password"]),
        "DBHOST": "127.0.0.1",
        "DBPORT": str(address["port"]),
        "DEFAULT_FROM_EMAIL": "noreply@shop.example",
        "ADMIN_EMAIL": "admin@shop.example",
        "CELERY_BROKER_URL": redis,
        "CELERY_RESULT_BACKEND": redis,
        "FRONTEND_URL": f"http://127.0.0.1:{port}",
        "DOMAIN_NAME": f"http://127.0.0.1:{port}",
        "CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "DJANGO_SETTINGS_MODULE": "crm.settings",
    }


def _token(programs: Path, folder: Path, environment: dict[str, str], url: str) -> str:
    """Sign in as the shop's administrator, and make a personal access token."""
    command = [str(programs / "django-admin"), "devlogin", _USER, "--org", "Corner Shop"]
    found = re.search(r"jwt_access=([^;\s]+)", run(command, folder, environment))
    assert found, "BottleCRM prints no sign-in token"
    session = {"Authorization": f"Bearer {found.group(1)}"}
    answer = requests.post(
        f"{url}/api/profile/tokens/", json={"name": "shopcrm"}, headers=session, timeout=30
    )
    answer.raise_for_status()
    token: str = answer.json()["token"]
    return token
