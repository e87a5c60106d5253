// Drives the SMSGate part of a running gateway with `android-sms-gateway` from npm, unmodified, and with the
// JavaScript samples of its documentation as they are printed there: only the host and the placeholders are
// replaced.
//
// Needs GATEWAY_URL, GATEWAY_USER and GATEWAY_PASSWORD. Leaves the user's device in place.

import assert from "node:assert/strict";
import vm from "node:vm";

import Client, { HealthStatus, LimitPeriod, ProcessState, WebHookEventType } from "android-sms-gateway";

const { GATEWAY_URL: url, GATEWAY_USER: user, GATEWAY_PASSWORD: password } = process.env;

class Refused extends Error {
  constructor(status, body) {
    super(`${status}: ${body}`);
    this.status = status;
  }
}

/** What the client asks for: an HTTP client on top of fetch. */
async function request(method, target, headers, body) {
  const response = await fetch(target, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Refused(response.status, text);
  return text === "" ? undefined : JSON.parse(text);
}

const httpClient = {
  get: (target, headers) => request("GET", target, headers),
  post: (target, body, headers) => request("POST", target, headers, body),
  put: (target, body, headers) => request("PUT", target, headers, body),
  patch: (target, body, headers) => request("PATCH", target, headers, body),
  delete: (target, headers) => request("DELETE", target, headers),
};

const client = new Client(user, password, httpClient, `${url}/3rdparty/v1`);
const refused = (status) => (error) => error instanceof Refused && error.status === status;

/** The server waits for its database no longer than two seconds, where it is asked for its health. */
async function whenItIsReady(ask) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!refused(503)(error) || Date.now() > deadline) throw error;
    }
  }
}

const checks = {
  async "a message is sent and read"() {
    const message = { phoneNumbers: ["+1234567890"], message: "Secure OTP: 123456 🔐" };
    const sent = await client.send(message, { skipPhoneValidation: true });
    assert.equal(sent.state, ProcessState.Pending);
    assert.equal(sent.recipients[0].phoneNumber, "+1234567890");
    const read = await client.getState(sent.id);
    assert.deepEqual(read.recipients, sent.recipients);
    await assert.rejects(client.getState("unknown"), refused(404));
  },

  async "the other prefix leads to the same"() {
    const other = new Client(user, password, httpClient, `${url}/api/3rdparty/v1`);
    const sent = await other.send({ phoneNumbers: ["+1234567890"], message: "Hello" });
    assert.equal((await client.getState(sent.id)).id, sent.id);
  },

  async "a webhook comes and goes"() {
    const hook = { url: "https://example.com/hook", event: WebHookEventType.SmsReceived };
    const made = await client.registerWebhook(hook);
    assert.ok(made.id);
    assert.deepEqual((await client.getWebhooks()).filter((other) => other.id === made.id), [made]);
    assert.equal(await client.deleteWebhook(made.id), undefined);
    assert.deepEqual((await client.getWebhooks()).filter((other) => other.id === made.id), []);
  },

  async "devices are listed"() {
    const devices = await client.getDevices();
    assert.ok(devices.length > 0 && devices[0].id && devices[0].lastSeen);
    await assert.rejects(client.deleteDevice("unknown"), refused(404));
  },

  async "health is good"() {
    const health = await whenItIsReady(() => client.getHealth());
    assert.equal(health.status, HealthStatus.Pass);
    assert.equal(typeof health.releaseId, "number");
  },

  async "the inbox is exported"() {
    const [device] = await client.getDevices();
    const until = new Date();
    await client.exportInbox({ deviceId: device.id, since: new Date(until - 86_400_000), until });
  },

  async "logs are read"() {
    const sent = await client.send({ phoneNumbers: ["+1234567890"], message: "Hello" });
    const logs = await client.getLogs(new Date("2020-01-01"), new Date("2999-01-01"));
    assert.ok(logs.some((entry) => entry.message.includes(sent.id)));
  },

  async "settings are replaced and changed"() {
    await client.updateSettings({
      messages: { limitPeriod: LimitPeriod.PerDay, limitValue: 100 },
      ping: { intervalSeconds: 60 },
    });
    await client.patchSettings({ ping: { intervalSeconds: 90 } });
    assert.deepEqual(await client.getSettings(), {
      messages: { limitPeriod: "PerDay", limitValue: 100 },
      ping: { intervalSeconds: 90 },
    });
    // What other clients have their own names for does not stay behind.
    await client.updateSettings({});
  },

  async "a wrong password is refused"() {
    const wrong = new Client(user, "wrong", httpClient, `${url}/3rdparty/v1`);
    await assert.rejects(wrong.getDevices(), refused(401));
  },

  async "sample: generate a JWT"() {
    const [kind, ...printed] = await runSample(GENERATE_JWT_TOKEN);
    assert.equal(kind, "log", printed.join(" "));
    assert.equal(printed[0], "Token generated successfully. Expires at:");
    assert.ok(Date.parse(printed[1]) > Date.now());
  },

  async "sample: send an SMS with a JWT"() {
    const basic = `Basic ${btoa(`${user}:${password}`)}`;
    const headers = { "Content-Type": "application/json", Authorization: basic };
    const scopes = ["messages:send", "messages:read"];
    const token = await httpClient.post(`${url}/3rdparty/v1/auth/token`, { scopes }, headers);
    const printed = await runSample(SEND_SMS_WITH_JWT, token.access_token);
    assert.deepEqual(printed, ["log", "Message sent successfully!"]);
  },
};

/** Runs a sample until it prints something: how, and what. */
function runSample(sample, token = "") {
  const source = sample
    .replace("https://api.sms-gate.app", url)
    .replace("your_username", user)
    .replace("your_password", password)
    .replace("your_jwt_token", token);
  return new Promise((resolve) => {
    const console = {
      log: (...printed) => resolve(["log", ...printed]),
      error: (...printed) => resolve(["error", ...printed]),
    };
    vm.runInNewContext(source, { console, fetch, btoa });
  });
}

const GENERATE_JWT_TOKEN = String.raw`// Configuration
const gatewayUrl = "https://api.sms-gate.app";
const username = "your_username";
const password = "your_password";

// Generate token
fetch(${"`${gatewayUrl}/3rdparty/v1/auth/token`"}, {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    'Authorization': 'Basic ' + btoa(${"`${username}:${password}`"})
  },
  body: JSON.stringify({
    ttl: 3600,
    scopes: ["messages:send", "messages:read"]
  })
})
.then(response => response.json())
.then(data => {
  if (data.access_token) {
    console.log('Token generated successfully. Expires at:', data.expires_at);
  } else {
    console.error('Error generating token:', data);
  }
})
.catch(error => console.error('Error:', error));
`;

const SEND_SMS_WITH_JWT = String.raw`// Configuration
const gatewayUrl = "https://api.sms-gate.app";
const accessToken = "your_jwt_token";

// Send message
fetch(${"`${gatewayUrl}/3rdparty/v1/messages`"}, {
  method: 'POST',
  headers: {
    'Authorization': ${"`Bearer ${accessToken}`"},
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    phoneNumbers: ["+1234567890"],
    textMessage: {text: "Hello from JWT!"}
  })
})
.then(response => response.json())
.then(data => {
  if (data.id) {
    console.log('Message sent successfully!');
  } else {
    console.error('Error sending message:', data);
  }
})
.catch(error => console.error('Error:', error));
`;

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    // One that fails does not hide the others.
    failed += 1;
    console.log(`FAILED ${name}: ${error.message}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
