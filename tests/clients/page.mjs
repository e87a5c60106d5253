// Drives the page for people of a running gateway in headless Chromium, as a person does.
//
// Needs GATEWAY_URL, and in GATEWAY_OTHER and GATEWAY_OTHER_PASSWORD a user without tokens and keys. With
// SCREENSHOTS, the name of a folder, pictures of the pages are put there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import { chromium } from "playwright-core";

const {
  GATEWAY_URL: url,
  GATEWAY_OTHER: name,
  GATEWAY_OTHER_PASSWORD: password,
  SCREENSHOTS: screenshots,
} = process.env;

const DESKTOP = { width: 1280, height: 800 };
/** The narrowest whose tables have columns. */
const LAPTOP = { width: 1000, height: 800 };
const TABLET = { width: 800, height: 1000 };
const PHONE = { width: 360, height: 740 };

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
});

/** What the browser has complained about: scripts, and what the policy of the page forbids. */
let complaints = [];

/** Does something in a browser of its own, and returns what comes of it. */
async function visit(options, work) {
  const permissions = ["clipboard-read", "clipboard-write"];
  const context = await browser.newContext({ viewport: DESKTOP, permissions, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("console", (line) => ["error", "warning"].includes(line.type()) && complaints.push(line.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    return await work(page);
  } finally {
    await context.close();
  }
}

async function signIn(page) {
  await page.goto(`${url}/secure/`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "User Tokens" }).waitFor();
}

async function createToken(page, called) {
  await page.getByRole("link", { name: "User Tokens" }).click();
  await page.getByLabel("Name").fill(called);
  await page.getByRole("button", { name: "Create token" }).click();
  await page.getByText("shown this once").waitFor();
  return page.locator("#token").textContent();
}

async function picture(page, called) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${called}.png`, fullPage: true });
}

/** Waits until a field has the focus without being told: what is typed before is lost. */
async function focused(page, label) {
  await page.getByLabel(label).and(page.locator(":focus")).waitFor();
}

/** Presses Tab until this has the focus. */
async function tabTo(page, role, called) {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    const there = page.getByRole(role, { name: called, exact: true });
    if (await there.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`the keyboard does not reach ${role} ${called}`);
}

const checks = {
  async "a token is made, copied, used, revoked, and refused"() {
    await visit({}, async (page) => {
      await page.goto(`${url}/secure/`);
      await picture(page, "sign-in");
      await signIn(page);
      await page.getByText("You have no tokens.").waitFor();
      await picture(page, "empty");

      const token = await createToken(page, "laptop");
      await page.getByRole("button", { name: "Copy the token" }).click();
      await page.getByText("Copied").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
      await page.getByRole("button", { name: "Copy the line" }).click();
      await page.getByText("Copied").nth(1).waitFor();
      const line = await page.evaluate(() => navigator.clipboard.readText());
      await picture(page, "token");
      assert.match(paste(line), /^HTTP\/1\.1 200 /);

      // The browser sends the form again, and no second token is made.
      await page.reload();
      await page.getByRole("heading", { name: "User Tokens" }).waitFor();
      assert.ok(!(await page.content()).includes(token), "it is shown once");
      const row = page.getByRole("row", { name: "laptop" });
      assert.equal(await row.count(), 1);
      await row.getByText("active").waitFor();
      await createToken(page, "build server");
      await page.getByRole("link", { name: "Done" }).click();
      await row.getByText("Revoke laptop …").click();
      await picture(page, "list");
      await row.getByRole("button", { name: "Revoke for good" }).click();
      await row.getByText("revoked").waitFor();
      await picture(page, "revoked");
      assert.match(paste(line), /^HTTP\/1\.1 401 /);
    });
  },

  async "a key is made, given a new secret and revoked by the keyboard alone"() {
    await visit({}, async (page) => {
      const type = page.keyboard;
      await page.goto(`${url}/secure/`);
      await focused(page, "Name");
      await type.type(name);
      await type.press("Tab");
      await type.type(password);
      await type.press("Enter");
      await page.getByRole("heading", { name: "User Tokens" }).waitFor();
      await tabTo(page, "link", "S3P Keys");
      await type.press("Enter");
      await page.getByText("You have no keys.").waitFor();
      await tabTo(page, "textbox", "Name");
      await type.type("shop");
      await tabTo(page, "button", "Create key");
      await type.press("Enter");
      await page.getByRole("heading", { name: "Your new key" }).waitFor();
      const first = await page.locator("#secret").textContent();
      await picture(page, "key");
      await tabTo(page, "button", "Copy the secret");
      await type.press("Enter");
      await page.getByText("Copied").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), first);
      await tabTo(page, "link", "Done");
      await type.press("Enter");

      const summary = async (word) => {
        for (let presses = 0; presses < 40; presses += 1) {
          await type.press("Tab");
          const text = await page.evaluate(() => document.activeElement.textContent);
          if (text.startsWith(word) && text.endsWith("…")) return type.press("Enter");
        }
        return assert.fail(`the keyboard does not reach ${word}`);
      };
      await page.getByRole("heading", { name: "S3P Keys" }).waitFor();
      await summary("Rotate");
      await tabTo(page, "button", "Make a new secret");
      await type.press("Enter");
      await page.getByRole("heading", { name: "The new secret of your key" }).waitFor();
      assert.notEqual(await page.locator("#secret").textContent(), first);
      await tabTo(page, "link", "Done");
      await type.press("Enter");
      await page.getByRole("heading", { name: "S3P Keys" }).waitFor();
      await picture(page, "keys");
      await summary("Revoke");
      await tabTo(page, "button", "Revoke for good");
      await type.press("Enter");
      await page.getByRole("cell", { name: "revoked" }).waitFor();
      await tabTo(page, "button", "Sign out");
      await type.press("Enter");
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      assert.deepEqual(await page.context().cookies(), []);
    });
  },

  async "no page is wider than the screen, of a phone neither"() {
    const viewports = [PHONE, TABLET, LAPTOP, DESKTOP];
    const schemes = screenshots ? ["light", "dark"] : ["light"];
    for (const [viewport, colorScheme] of viewports.flatMap((it) => schemes.map((scheme) => [it, scheme]))) {
      const isMobile = [PHONE, TABLET].includes(viewport);
      await visit({ viewport, isMobile, colorScheme }, async (page) => {
        const fits = async (called) => {
          // With its style.
          await page.waitForLoadState();
          await picture(page, `${viewport.width}-${colorScheme}-${called}`);
          const tooWide = await page.evaluate((width) => {
            const parts = [document.documentElement, document.querySelector("main")];
            return parts.some((part) => part.scrollWidth > Math.min(part.clientWidth, width));
          }, viewport.width);
          assert.ok(!tooWide, `${called} at ${viewport.width} pixels`);
        };
        await page.goto(`${url}/secure/`);
        await fits("sign-in");
        await signIn(page);
        await page.goto(`${url}/secure/no-such-page`);
        await fits("no-such-page");
        // The browser writes down the status.
        complaints = complaints.filter((line) => !line.includes("status of 404"));
        await page.goto(`${url}/secure/`);
        await createToken(page, "x".repeat(100));
        await fits("token");
        await page.getByRole("link", { name: "Done" }).click();
        await page.getByText("Revoke x").first().click();
        await fits("tokens");
        await page.goto(`${url}/secure/password`);
        await fits("password");
        await page.getByRole("link", { name: "S3P Keys" }).click();
        await page.getByLabel("Name").fill("y".repeat(100));
        await page.getByRole("button", { name: "Create key" }).click();
        await page.getByRole("heading", { name: "Your new key" }).waitFor();
        await fits("key");
        await page.getByRole("link", { name: "Done" }).click();
        await page.getByText("Rotate").first().click();
        await fits("keys");
      });
    }
  },

  async "without scripts, all works but the button that copies"() {
    await visit({ javaScriptEnabled: false, colorScheme: "dark" }, async (page) => {
      await signIn(page);
      const token = await createToken(page, "no script");
      assert.match(token, /^pct_[0-9a-f]{48}$/);
      assert.equal(await page.locator("button:visible", { hasText: "Copy" }).count(), 0);
      await picture(page, "dark-token");
      await page.getByRole("link", { name: "Done" }).click();
      await page.getByText("Revoke no script …").click();
      await page.getByRole("row", { name: "no script" }).getByRole("button").click();
      await page.getByRole("row", { name: "no script" }).getByText("revoked").waitFor();
      await picture(page, "dark-list");
    });
  },

  async "who signs in with a wrong password reads that, and may try again"() {
    await visit({}, async (page) => {
      await page.goto(`${url}/secure/`);
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("Password").fill("wrong");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("The name or the password is wrong.").waitFor();
      assert.equal(await page.getByLabel("Name").inputValue(), name);
      await picture(page, "wrong");
      // The browser writes down the status.
      complaints = complaints.filter((line) => !line.includes("status of 403"));
      await focused(page, "Password");
      await page.keyboard.type(password);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "User Tokens" }).waitFor();
    });
  },
};

/** Runs a line in a shell, as a person does who has copied it. */
function paste(line) {
  const { stdout, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
  return stdout || stderr;
}

let failed = 0;
for (const [called, check] of Object.entries(checks)) {
  complaints = [];
  try {
    await check();
    assert.deepEqual(complaints, []);
  } catch (error) {
    // One that fails does not hide the others.
    failed += 1;
    console.log(`FAILED ${called}: ${error.message}`);
  }
}
await browser.close();
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
