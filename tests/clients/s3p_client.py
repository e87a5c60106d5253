#!/usr/bin/env python3
"""A client of the S3P request signature, written from the scheme's page alone; standard library only.

    GATEWAY_URL=http://127.0.0.1:8080 S3P_TOKEN=... S3P_SECRET=... python3 tests/clients/s3p_client.py

It reproduces both worked examples of the page, then drives a running server through every endpoint, and
through what the server must refuse. It ends with `N passed, 0 failed`, or with exit code 1.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

METHOD = "HMAC-SHA1"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


# --- The scheme.


def parameter_string(params, nonce, timestamp, token):
    """Step 1: the parameters of the request and of the authorization, sorted by key."""
    joined = {
        **{key: str(value).strip() for key, value in params.items()},
        "s3pAuth_nonce": nonce,
        "s3pAuth_signature_method": METHOD,
        "s3pAuth_timestamp": str(timestamp),
        "s3pAuth_token": token,
    }
    return "&".join(f"{key}={joined[key]}" for key in sorted(joined))


def base_string(verb, url, parameters):
    """Step 2: the verb, and URL and parameter string percent-encoded (RFC 3986)."""
    encode = lambda text: urllib.parse.quote(text, safe="")
    return f"{verb.upper()}&{encode(url)}&{encode(parameters)}"


def signature(base, secret):
    """Step 3."""
    mac = hmac.new(secret.encode(), base.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def authorization(verb, url, params, token, secret, nonce, timestamp):
    signed = signature(base_string(verb, url, parameter_string(params, nonce, timestamp, token)), secret)
    return (
        f's3pAuth,s3pAuth_nonce="{nonce}",s3pAuth_signature="{signed}",'
        f's3pAuth_signature_method="{METHOD}",s3pAuth_timestamp="{timestamp}",s3pAuth_token="{token}"'
    )


# --- The client.


class Client:
    def __init__(self, base, token, secret):
        self.base, self.token, self.secret = base.rstrip("/"), token, secret

    def get(self, path, params=None, **how):
        return self.send(self.request("GET", path, params or {}, **how))

    def post(self, path, params, **how):
        return self.send(self.request("POST", path, params, **how))

    def request(self, verb, path, params, sent=None, form=False, age=0, secret=None, nonce=None):
        """A signed request. `sent` are other parameters than those that were signed."""
        url = self.base + path
        header = authorization(
            verb, url, params, self.token, secret or self.secret,
            nonce or secrets.token_hex(16), int(time.time()) - age,
        )
        headers, data = {"Authorization": header}, None
        sent = params if sent is None else sent
        if verb == "GET":
            url += "?" + urllib.parse.urlencode(sent) if sent else ""
        else:
            headers["Content-Type"] = FORM if form else JSON
            data = (urllib.parse.urlencode(sent) if form else json.dumps(sent)).encode()
        return urllib.request.Request(url, data=data, headers=headers, method=verb)

    def send(self, request):
        """Status and JSON; a request can be sent again as it is."""
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


# --- The checks.

passed = failed = 0


def check(sentence, holds, seen=None):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {sentence}: {seen!r}")


def worked_examples():
    """Every step that the page prints."""
    token, secret, timestamp = "xvz1evFS4wEEPTGEFPHBog", "MySecretKey", 1361281946
    host = "https://dev.smobilpay.com/s3p/v2"
    examples = [
        (
            "POST", f"{host}/quotestd", "634968823463411609",
            {"payItemId": "SPAY-DEV-958-AES-100013333-10010", "amount": "1000"},
            "amount=1000&payItemId=SPAY-DEV-958-AES-100013333-10010&s3pAuth_nonce=634968823463411609"
            "&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp=1361281946"
            "&s3pAuth_token=xvz1evFS4wEEPTGEFPHBog",
            "POST&https%3A%2F%2Fdev.smobilpay.com%2Fs3p%2Fv2%2Fquotestd&amount%3D1000%26payItemId%3D"
            "SPAY-DEV-958-AES-100013333-10010%26s3pAuth_nonce%3D634968823463411609"
            "%26s3pAuth_signature_method%3DHMAC-SHA1%26s3pAuth_timestamp%3D1361281946"
            "%26s3pAuth_token%3Dxvz1evFS4wEEPTGEFPHBog",
            "1CLm+TQLwelkE+5Za+Vi+7G5M8U=",
        ),
        (
            "GET", f"{host}/bill", "634968823463411611",
            {"serviceNumber": "TestId", "merchant": "TESTMERC", "serviceid": "99999"},
            "merchant=TESTMERC&s3pAuth_nonce=634968823463411611&s3pAuth_signature_method=HMAC-SHA1"
            "&s3pAuth_timestamp=1361281946&s3pAuth_token=xvz1evFS4wEEPTGEFPHBog"
            "&serviceNumber=TestId&serviceid=99999",
            "GET&https%3A%2F%2Fdev.smobilpay.com%2Fs3p%2Fv2%2Fbill&merchant%3DTESTMERC"
            "%26s3pAuth_nonce%3D634968823463411611%26s3pAuth_signature_method%3DHMAC-SHA1"
            "%26s3pAuth_timestamp%3D1361281946%26s3pAuth_token%3Dxvz1evFS4wEEPTGEFPHBog"
            "%26serviceNumber%3DTestId%26serviceid%3D99999",
            "wff4LW5sueJe0K4Uzk7fHrjElGk=",
        ),
    ]
    for verb, url, nonce, params, step_1, step_2, step_3 in examples:
        parameters = parameter_string(params, nonce, timestamp, token)
        check(f"{verb}: the parameter string is the page's", parameters == step_1, parameters)
        base = base_string(verb, url, parameters)
        check(f"{verb}: the base string is the page's", base == step_2, base)
        signed = signature(base, secret)
        check(f"{verb}: the signature is the page's", signed == step_3, signed)
        header = authorization(verb, url, params, token, secret, nonce, timestamp)
        check(f"{verb}: the header holds it", f's3pAuth_signature="{step_3}"' in header, header)


def reading(client):
    nonce = secrets.token_hex(16)
    status, ping = client.get("/ping", nonce=nonce)
    check("a ping is answered", status == 200 and {"time", "version"} <= ping.keys(), ping)
    check("a ping says whose it was", (ping.get("nonce"), ping.get("key")) == (nonce, client.token), ping)
    status, account = client.get("/account")
    check("the account has a balance", status == 200 and account["balance"] >= 0, account)
    check("the account is the caller's", account["key"] == client.token, account)
    status, merchants = client.get("/merchant")
    codes = [merchant["merchant"] for merchant in merchants]
    check("there are merchants", status == 200 and "TESTMERC" in codes, merchants)
    status, services = client.get("/service")
    check("each service is of a merchant", status == 200 and services
          and all(service["merchant"] in codes for service in services), services)
    status, service = client.get(f"/service/{services[0]['serviceid']}")
    check("a service can be read alone", (status, service) == (200, services[0]), service)
    status, refused = client.get("/service/1")
    check("an unknown service is refused", (status, refused["respCode"]) == (404, 40602), refused)
    bill = {"serviceNumber": "TestId", "merchant": "TESTMERC", "serviceid": "99999"}
    status, bills = client.get("/bill", bill)
    check("there are bills", status == 200 and bills and all(
        found["serviceNumber"] == "TestId" and found["merchant"] == "TESTMERC" for found in bills), bills)
    status, bills = client.get("/bill", {**bill, "serviceNumber": "Ngono & frères, n° 1+1=2 ~*'()!"})
    check("any text can be asked for", (status, bills) == (200, []), bills)
    status, refused = client.get("/nothing")
    check("an unknown endpoint is refused", status == 404 and "respCode" in refused, refused)


AIRTIME = {"payItemId": "SPAY-DEV-20051-DEMOTEL-CUSTOM", "amount": 200}
CUSTOMER = {
    "customerPhonenumber": "237699999999",
    "customerEmailaddress": "customer@example.org",
    "customerName": " N'Gono & fils ",
    "serviceNumber": "699999999",
    "cdata": json.dumps({"note": "a=1, b é"}),
    "callbackUrl": "https://shop.example.org/done?order=1",
}


class Seen:
    """What a collection would change: the balance, and the history from a moment on."""

    def __init__(self, client, since):
        period = {"timestamp_from": since, "timestamp_to": "2100-01-01"}
        self.balance = client.get("/account")[1]["balance"]
        self.history = client.get("/historystd", period)[1]

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return repr(vars(self))


def paying(client):
    since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 2))
    before = Seen(client, since)
    status, quote = client.post("/quotestd", AIRTIME)
    check("there is a quote", status == 200 and quote["amountLocalCur"] == 200, quote)
    check("a quote changes nothing", Seen(client, since) == before)

    trid = secrets.token_hex(8)
    order = {"quoteId": quote["quoteId"], "trid": trid, **CUSTOMER}
    request = client.request("POST", "/collectstd", order)
    status, paid = client.send(request)
    check("a quote can be paid", status == 200 and paid["status"] == "SUCCESS", paid)
    check("the price is the quoted one", paid["priceLocalCur"] == quote["priceLocalCur"], paid)
    check("the balance is told", paid["agentBalance"] == before.balance - 200, paid)

    after = Seen(client, since)
    check("the balance is less by it", after.balance == before.balance - 200, after)
    check("the history has it", [payment["ptn"] for payment in after.history[len(before.history):]]
          == [paid["ptn"]], after)
    for by in ({"ptn": paid["ptn"]}, {"trid": trid}):
        status, found = client.get("/verifytx", by)
        check(f"it is found by {by}", status == 200 and [payment["trid"] for payment in found] == [trid],
              found)
    period = {"timestamp_from": "2013-10-20T00:00:00+00:00", "timestamp_to": "2013-10-20"}
    status, found = client.get("/historystd", period)
    check("it is of no other time", (status, found) == (200, []), found)

    refused(client, "a request that was sent before", lambda: client.send(request))
    status, again = client.post("/collectstd", order)
    check("a quote is used once", (status, again.get("respCode")) == (400, 4209), again)
    check("neither had an effect", Seen(client, since) == after)
    status, unknown = client.post("/quotestd", {**AIRTIME, "payItemId": "nothing"})
    check("an unknown item has no quote", (status, unknown.get("respCode")) == (400, 40302), unknown)

    status, quote = client.post("/quotestd", AIRTIME, form=True)
    check("a form has a quote", status == 200 and quote["amountLocalCur"] == 200, quote)
    order = {"quoteId": quote["quoteId"], "trid": secrets.token_hex(8), **CUSTOMER}
    refused(client, "an order that was changed on its way",
            lambda: client.post("/collectstd", order, sent={**order, "serviceNumber": "611111111"}))
    check("it had no effect", Seen(client, since) == after)
    status, paid = client.post("/collectstd", order, form=True)
    check("a form pays, too", status == 200 and paid["agentBalance"] == after.balance - 200, paid)


def refusals(client):
    refused(client, "a wrong secret", lambda: client.get("/account", secret="not the secret"))
    refused(client, "a request of 310 seconds ago", lambda: client.get("/account", age=310))
    status, account = client.get("/account", age=240)
    check("a request of 240 seconds ago is answered", status == 200, account)
    refused(client, "an amount that was changed on its way",
            lambda: client.post("/quotestd", AIRTIME, sent={**AIRTIME, "amount": 100}))
    refused(client, "a parameter that was added on its way",
            lambda: client.get("/verifytx", {"trid": "1"}, sent={"trid": "1", "ptn": "2"}))
    stranger = Client(client.base, "no-such-token", client.secret)
    refused(client, "an unknown token", lambda: stranger.get("/account"))
    unsigned = urllib.request.Request(client.base + "/account")
    refused(client, "no signature at all", lambda: client.send(unsigned))


BODIES = []


def refused(client, sentence, send):
    """Refused as not authenticated, in the form of S3P's errors."""
    status, body = send()
    check(f"{sentence} is refused", (status, body.get("respCode")) == (401, 4009), (status, body))
    check(f"{sentence} is refused in S3P's form", body.keys() == {"devMsg", "usrMsg", "respCode", "link"},
          body)
    BODIES.append(body)


def main():
    worked_examples()
    url = os.environ["GATEWAY_URL"] + "/s3p/v2"
    client = Client(url, os.environ["S3P_TOKEN"], os.environ["S3P_SECRET"])
    reading(client)
    paying(client)
    refusals(client)
    check("all refusals are alike", all(body == BODIES[0] for body in BODIES), BODIES)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
