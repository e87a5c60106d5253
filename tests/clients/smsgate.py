"""Drives the SMSGate part of a running gateway with `android-sms-gateway` from PyPI, unmodified, and with
the Python samples of its documentation as they are printed there: only the host and the placeholders are
replaced.

Needs GATEWAY_URL, GATEWAY_USER and GATEWAY_PASSWORD. Leaves the user's device in place.
"""

import asyncio
import contextlib
import datetime
import io
import os
import sys
import textwrap
import time

import httpx
import requests
from android_sms_gateway import APIClient, AsyncAPIClient, domain
from android_sms_gateway.ahttp import HttpxAsyncHttpClient
from android_sms_gateway.enums import HealthStatus, LimitPeriod, ProcessState, WebhookEvent
from android_sms_gateway.errors import (
    APIError,
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
)
from android_sms_gateway.http import HttpxHttpClient, RequestsHttpClient

# As long as a machine may be busy, in seconds.
PATIENCE = 60


@contextlib.contextmanager
def httpx_client():
    with httpx.Client(timeout=PATIENCE) as client:
        yield HttpxHttpClient(client)


CHECKS = []
BACKENDS = {"requests": RequestsHttpClient, "httpx": httpx_client}
EVERYTHING = ["all:any"]


def check(function):
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


def check_with_each_backend(function):
    for http, backend in BACKENDS.items():
        name = f"{function.__name__.replace('_', ' ')} ({http})"
        CHECKS.append((name, lambda backend=backend: function(backend)))
    return function


def base():
    return f"{os.environ['GATEWAY_URL']}/3rdparty/v1"


def login():
    return os.environ["GATEWAY_USER"], os.environ["GATEWAY_PASSWORD"]


@contextlib.contextmanager
def by_password(backend, password=None):
    user, real = login()
    with backend() as http:
        yield APIClient(user, password or real, base_url=base(), http=http)


@contextlib.contextmanager
def by_token(backend, token):
    with backend() as http:
        yield APIClient(None, token, base_url=f"{os.environ['GATEWAY_URL']}/api/3rdparty/v1", http=http)


def generate(scopes, ttl=None, backend=RequestsHttpClient):
    with by_password(backend) as client:
        return client.generate_token(domain.TokenRequest(scopes=scopes, ttl=ttl))


@contextlib.contextmanager
def raises(kind, status=None):
    try:
        yield
    except kind as error:
        if status is not None:
            code = getattr(error, "status_code", None) or error.response.status_code
            assert code == status, f"{code} instead of {status}: {error}"
    else:
        raise AssertionError(f"no {kind.__name__}")


def message(text="Hello", **more):
    return domain.Message(
        phone_numbers=["+1234567890"], text_message=domain.TextMessage(text=text), **more
    )


def when_it_is_ready(probe):
    """The server waits for its database no longer than two seconds, where it is asked for its health."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return probe()
        except APIError as error:
            if error.status_code != 503 or time.monotonic() > deadline:
                raise


# --- The client.


@check_with_each_backend
def health_needs_no_credentials(backend):
    with by_token(backend, "wrong") as client:
        for probe in (
            client.health_check,
            client.liveness_check,
            client.readiness_check,
            client.startup_check,
        ):
            health = when_it_is_ready(probe)
            assert health.status is HealthStatus.PASS and health.version, health


@check_with_each_backend
def a_message_is_sent_and_read_by_password(backend):
    with by_password(backend) as client:
        sent = client.send(message(), skip_phone_validation=True, device_active_within=12)
        assert sent.state is ProcessState.Pending, sent
        assert sent.recipients[0].phone_number == "+1234567890", sent
        assert sent.device_id in [device.id for device in client.list_devices()]
        read = client.get_state(sent.id)
        assert (read.id, read.created_at) == (sent.id, sent.created_at), read


@check_with_each_backend
def data_and_mms_messages_are_taken(backend):
    with by_password(backend) as client:
        data = domain.DataMessage.with_bytes(b"Hello", port=53739)
        mms = domain.MmsMessage(
            subject="Hi", attachments=[domain.MmsAttachment(content_type="image/png", data="AA==")]
        )
        for content in ({"data_message": data}, {"mms_message": mms}):
            sent = client.send(domain.Message(phone_numbers=["+1234567890"], **content))
            assert sent.state is ProcessState.Pending, sent


@check_with_each_backend
def messages_are_listed(backend):
    with by_password(backend) as client:
        first, second = client.send(message()), client.send(message())
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        query = domain.MessagesQueryFilter(
            from_=now - day, to=now + day, state="Pending", device_id=first.device_id
        )
        page = domain.QueryPagination(limit=2, offset=0)
        found = client.get_messages(query=query, pagination=page, sort="-created_at")
        assert [state.id for state in found] == [second.id, first.id], found


@check_with_each_backend
def a_message_is_cancelled(backend):
    with by_password(backend) as client:
        sent = client.send(message())
        client.cancel_message(sent.id)
        assert client.get_state(sent.id).state is ProcessState.Cancelled
        with raises((APIError, requests.HTTPError), 409):
            client.cancel_message(sent.id)
        with raises(NotFoundError, 404):
            client.get_state("unknown")


@check_with_each_backend
def the_inbox_is_listed_and_refreshed(backend):
    with by_password(backend) as client:
        until = datetime.datetime.now(datetime.timezone.utc)
        since = until - datetime.timedelta(days=1)
        inbox_filter = domain.InboxQueryFilter(message_type="SMS", from_=since, include_attachments=True)
        page = domain.QueryPagination(limit=10)
        assert client.list_inbox_messages(inbox_filter=inbox_filter, pagination=page) == []
        assert client.refresh_inbox(domain.InboxRefreshRequest(since=since, until=until)) == {}
        device = client.list_devices()[0].id
        assert client.export_inbox(domain.MessagesExportRequest(device, since, until)) == {}
        with raises(NotFoundError, 404):
            client.download_attachment("unknown", 1)


@check_with_each_backend
def a_webhook_comes_and_goes(backend):
    with by_password(backend) as client:
        hook = domain.Webhook(id=None, url="https://example.com/hook", event=WebhookEvent.SMS_RECEIVED)
        made = client.create_webhook(hook)
        assert made.id and made in client.get_webhooks(), made
        client.delete_webhook(made.id)
        assert made not in client.get_webhooks()


@check_with_each_backend
def a_device_that_is_not_there_cannot_be_removed(backend):
    with by_password(backend) as client:
        with raises((NotFoundError, requests.HTTPError), 404):
            client.remove_device("unknown")


@check_with_each_backend
def settings_are_replaced_and_changed(backend):
    with by_password(backend) as client:
        client.update_settings(
            domain.DeviceSettings(
                messages=domain.SettingsMessages(limit_period=LimitPeriod.PER_DAY, limit_value=100),
                ping=domain.SettingsPing(interval_seconds=60),
            )
        )
        client.patch_settings(domain.DeviceSettings(ping=domain.SettingsPing(interval_seconds=90)))
        settings = client.get_settings()
        assert settings.messages.limit_period is LimitPeriod.PER_DAY, settings
        assert settings.messages.limit_value == 100 and settings.ping.interval_seconds == 90, settings


@check_with_each_backend
def logs_are_read(backend):
    with by_password(backend) as client:
        sent = client.send(message())
        entries = client.get_logs(from_="2020-01-01T00:00:00Z", to="2999-01-01T00:00:00Z")
        assert any(sent.id in entry.message for entry in entries), entries


@check_with_each_backend
def a_token_is_generated_and_used(backend):
    token = generate(["messages:send", "messages:read"], ttl=3600, backend=backend)
    assert token.token_type == "Bearer" and token.refresh_token, token
    expires = datetime.datetime.fromisoformat(token.expires_at.replace("Z", "+00:00"))
    left = expires - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=55) < left <= datetime.timedelta(minutes=60), left
    with by_token(backend, token.access_token) as client:
        sent = client.send(message())
        assert client.get_state(sent.id).id == sent.id
        with raises(ForbiddenError, 403):
            client.get_messages()
    with by_password(backend) as client:
        assert client.get_state(sent.id).id == sent.id


@check_with_each_backend
def a_refusal_says_which_scope_is_missing(backend):
    with by_token(backend, generate(["logs:read"], backend=backend).access_token) as client:
        try:
            client.get_settings()
        except ForbiddenError as error:
            assert error.response == {"message": "scope required: settings:read"}, error.response
        else:
            raise AssertionError("no ForbiddenError")


@check_with_each_backend
def a_token_is_refreshed_once(backend):
    first = generate(["messages:list"], backend=backend)
    with by_token(backend, first.access_token) as client:
        second = client.refresh_token(first.refresh_token)
        assert second.id != first.id and second.refresh_token, second
        with by_token(backend, second.access_token) as again:
            again.get_messages()
            with raises(UnauthorizedError, 401):
                client.refresh_token(first.refresh_token)
            with raises(UnauthorizedError, 401):
                again.get_messages()


@check_with_each_backend
def a_token_is_revoked(backend):
    token = generate(["messages:list"], backend=backend)
    with by_token(backend, token.access_token) as client:
        client.get_messages()
        with by_password(backend) as manager:
            manager.revoke_token(token.id)
        with raises(UnauthorizedError, 401):
            client.get_messages()


@check_with_each_backend
def a_token_that_manages_gives_on_what_it_holds(backend):
    manager = generate(["tokens:manage", "logs:read"], backend=backend)
    with by_token(backend, manager.access_token) as client:
        made = client.generate_token(domain.TokenRequest(scopes=["logs:read"]))
        with by_token(backend, made.access_token) as reader:
            reader.get_logs()
        with raises(ForbiddenError, 403):
            client.generate_token(domain.TokenRequest(scopes=EVERYTHING))
        client.revoke_token(manager.id)
        with raises(UnauthorizedError, 401):
            client.generate_token(domain.TokenRequest(scopes=["logs:read"]))


@check_with_each_backend
def wrong_credentials_and_wrong_requests_are_refused(backend):
    with by_password(backend, "wrong") as client, raises(UnauthorizedError, 401):
        client.get_messages()
    with by_token(backend, "wrong") as client, raises(UnauthorizedError, 401):
        client.get_messages()
    with raises(BadRequestError, 400):
        generate([], backend=backend)


@check
def the_asynchronous_client_works_too():
    async def drive():
        user, password = login()
        async with httpx.AsyncClient(timeout=PATIENCE) as connections:
            http = HttpxAsyncHttpClient(connections)
            client = AsyncAPIClient(user, password, base_url=base(), http_client=http)
            token = await client.generate_token(domain.TokenRequest(scopes=EVERYTHING))
            bearer = AsyncAPIClient(None, token.access_token, base_url=base(), http_client=http)
            sent = await bearer.send(message())
            assert (await bearer.get_state(sent.id)).id == sent.id
            assert (await bearer.liveness_check()).status is HealthStatus.PASS
            await client.revoke_token(token.id)
            with raises(UnauthorizedError, 401):
                await bearer.get_state(sent.id)

    asyncio.run(drive())


# --- The samples of the documentation.


def run_sample(sample, **replaced):
    """Runs a sample; its names, and what it has printed."""
    user, password = login()
    sample = textwrap.dedent(sample).replace("https://api.sms-gate.app", os.environ["GATEWAY_URL"])
    for placeholder, value in (
        ("your_username", user),
        ("your_password", password),
        ('"username"', repr(user)),
        ('"password"', repr(password)),
        ("your_jwt_token", replaced.get("token", "")),
    ):
        sample = sample.replace(placeholder, value)
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(sample, names)
    return names, printed.getvalue()


@check
def sample_generate_jwt_token():
    _, printed = run_sample(GENERATE_JWT_TOKEN)
    assert printed.startswith("Token generated successfully. Expires at: 2"), printed


@check
def sample_send_sms_with_jwt():
    token = generate(["messages:send", "messages:read"]).access_token
    _, printed = run_sample(SEND_SMS_WITH_JWT, token=token)
    assert printed == "Message sent successfully!\n", printed


@check
def sample_migration_from_basic_auth():
    names, _ = run_sample("import requests\n" + BASIC_AUTH)
    assert names["response"].status_code == 202, names["response"].text
    names, _ = run_sample("import requests\n" + JWT_AUTHENTICATION)
    assert names["response"].status_code == 202, names["response"].text


@check
def sample_error_handling():
    names, printed = run_sample(ERROR_HANDLING)
    assert printed.startswith("Message sent: {"), printed
    assert names["result"]["recipients"][0]["phoneNumber"] == "+1234567890", names["result"]


GENERATE_JWT_TOKEN = """\
import requests
import json

# Configuration
gateway_url = "https://api.sms-gate.app"
username = "your_username"
password = "your_password"

# Generate token
response = requests.post(
    f"{gateway_url}/3rdparty/v1/auth/token",
    auth=(username, password),
    headers={"Content-Type": "application/json"},
    data=json.dumps({
        "ttl": 3600,
        "scopes": ["messages:send", "messages:read"]
    })
)

if response.status_code == 201:
    token_data = response.json()
    access_token = token_data["access_token"]
    print(f"Token generated successfully. Expires at: {token_data['expires_at']}")
else:
    print(f"Error generating token: {response.status_code} - {response.text}")
"""

SEND_SMS_WITH_JWT = """\
import requests
import json

# Configuration
gateway_url = "https://api.sms-gate.app"
access_token = "your_jwt_token"

# Send message
response = requests.post(
    f"{gateway_url}/3rdparty/v1/messages",
    headers={
        "Authorization": f"Bearer {access_token}",
        "Content-Type": "application/json"
    },
    data=json.dumps({
        "phoneNumbers": ["+1234567890"],
        "textMessage": {"text": "Hello from JWT!"}
    })
)

if response.status_code == 202:
    print("Message sent successfully!")
else:
    print(f"Error sending message: {response.status_code} - {response.text}")
"""

BASIC_AUTH = """\
# Basic Auth example
response = requests.post(
    "https://api.sms-gate.app/3rdparty/v1/messages",
    auth=("username", "password"),
    json={
        "phoneNumbers": ["+1234567890"],
        "textMessage": {"text": "Hello world!"}
    }
)
"""

JWT_AUTHENTICATION = """\
# JWT authentication example
# First, get a token
token_response = requests.post(
    "https://api.sms-gate.app/3rdparty/v1/auth/token",
    auth=("username", "password"),
    json={
        "ttl": 3600,
        "scopes": ["messages:send"]
    }
)

if token_response.status_code == 201:
    token_data = token_response.json()
    access_token = token_data["access_token"]

    # Then use the token
    response = requests.post(
        "https://api.sms-gate.app/3rdparty/v1/messages",
        headers={
            "Authorization": f"Bearer {access_token}",
            "Content-Type": "application/json"
        },
        json={
            "phoneNumbers": ["+1234567890"],
            "textMessage": {"text": "Hello world!"}
        }
    )
"""

ERROR_HANDLING = """\
import requests
import time
from datetime import datetime, timedelta

class SMSGatewayClient:
    def __init__(self, gateway_url, username, password):
        self.gateway_url = gateway_url
        self.username = username
        self.password = password
        self.access_token = None
        self.token_expires_at = None

    def get_token(self, scopes, ttl=3600):
        \"""Get a new JWT token\"""
        response = requests.post(
            f"{self.gateway_url}/3rdparty/v1/auth/token",
            auth=(self.username, self.password),
            headers={"Content-Type": "application/json"},
            json={"ttl": ttl, "scopes": scopes}
        )

        if response.status_code == 201:
            token_data = response.json()
            self.access_token = token_data["access_token"]
            # Parse expiration time
            self.token_expires_at = datetime.fromisoformat(
                token_data["expires_at"].replace("Z", "+00:00")
            )
            return self.access_token
        else:
            raise Exception(f"Failed to get token: {response.status_code} - {response.text}")

    def ensure_valid_token(self, scopes):
        \"""Ensure we have a valid token, refresh if needed\"""
        if (self.access_token is None or 
            self.token_expires_at is None or 
            datetime.now() + timedelta(minutes=5) >= self.token_expires_at):
            self.get_token(scopes)
        return self.access_token

    def send_message(self, recipient, message):
        \"""Send a message with automatic token handling\"""
        try:
            token = self.ensure_valid_token(["messages:send"])

            response = requests.post(
                f"{self.gateway_url}/3rdparty/v1/messages",
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json"
                },
                json={"recipient": recipient, "textMessage": {"text": message}}
            )

            if response.status_code == 401:
                # Token might be expired or invalid, try once more
                token = self.get_token(["messages:send"])
                response = requests.post(
                    f"{self.gateway_url}/3rdparty/v1/messages",
                    headers={
                        "Authorization": f"Bearer {token}",
                        "Content-Type": "application/json"
                    },
                    json={"recipient": recipient, "textMessage": {"text": message}}
                )

            if response.status_code == 202:
                return response.json()
            else:
                raise Exception(f"Failed to send message: {response.status_code} - {response.text}")

        except Exception as e:
            print(f"Error sending message: {str(e)}")
            raise

# Usage example
client = SMSGatewayClient("https://api.sms-gate.app", "username", "password")
result = client.send_message("+1234567890", "Hello from JWT!")
print("Message sent:", result)
"""


def main():
    failed = 0
    for name, function in CHECKS:
        try:
            function()
        except Exception as error:  # One that fails does not hide the others.
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
