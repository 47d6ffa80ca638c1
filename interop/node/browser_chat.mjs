// Two people in Chromium use the chat of examples/chat, on whatever server URL is.
//   node browser_chat.mjs URL polling|websocket|upgrade [SCREENSHOT_FOLDER]
// The server must be freshly started: the history of an earlier run would be counted, too.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { brief, check, main, relay, same, sleep, transportsOf, usage } from "./lib.mjs";

const [url, mode, shots] = process.argv.slice(2);
if (!url) usage("usage: node browser_chat.mjs URL polling|websocket|upgrade [SCREENSHOT_FOLDER]");
transportsOf(mode);

const WAIT = 10_000;
// a 4 x 4 red PNG, small enough to read here
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGP4z8AARwzEcQCukw/x0F8jngAAAABJRU5ErkJggg==",
  "base64",
);

const profile = mkdtempSync(join(tmpdir(), "chat-"));
const problems = [];
let browser;

async function person(nickname, { base = url, viewport = { width: 1280, height: 800 }, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport, colorScheme });
  context.setDefaultTimeout(WAIT);
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(`${nickname}: ${error.stack}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${nickname}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== "blob:" && host !== new URL(base).host) problems.push(`${nickname}: asked for ${request.url()}`);
  });
  await page.goto(mode === "upgrade" ? base : `${base}/?transport=${mode}`);
  await page.fill("#nickname", nickname);
  await page.click("#enter");
  await page.waitForSelector("#app:not([hidden])");
  await upgraded(page);
  return page;
}

/** Waits for the transport that the page shall end up with. Who goes in the middle of an upgrade is missed late, by the heartbeat. */
const upgraded = (page) => page.waitForSelector(`#transport[data-transport="${mode === "polling" ? "polling" : "websocket"}"]`);

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** Waits until the page shows such a message. */
const sees = (page, text, selector = ".message") => page.locator(`#messages ${selector}`, { hasText: text }).first().waitFor();
const count = (page, text) => page.locator("#messages .message", { hasText: text }).count();
const delivered = (page, text) => page.locator('.message.mine[data-state="delivered"]', { hasText: text }).first().waitFor();
const idOf = (page) => page.textContent("#my-id");

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${mode}-${name}.png`) });
}

main(120, async () => {
  console.log(`chat in Chromium, ${mode}, ${url}`);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    env: { ...process.env, HOME: profile },
    timeout: 30_000,
  });
  try {
    await chat();
  } finally {
    await browser.close().catch(() => {});
    rmSync(profile, { recursive: true, force: true });
  }
});

async function chat() {
  let ada, grace;
  const line = await relay(url);

  await check("two people come in and see each other", async () => {
    ada = await person("Ada");
    grace = await person("Grace H.", { base: line.url, colorScheme: "dark" });
    await sees(ada, "Grace H. came in", ".notice");
    for (const page of [ada, grace]) {
      await page.locator("#people button", { hasText: "Ada" }).waitFor();
      await page.locator("#people button", { hasText: "Grace H." }).waitFor();
    }
  });

  await check("the page shows the transport", async () => {
    for (const page of [ada, grace]) {
      const text = await page.textContent("#transport-text");
      same(text, { polling: "HTTP polling", websocket: "WebSocket", upgrade: "polling → WebSocket" }[mode], "label");
    }
  });

  await check("a message in the room, ticked as delivered", async () => {
    await say(ada, "Hello, Grace! Grüße, 日本語, 🦀");
    await sees(grace, "Grüße, 日本語, 🦀");
    await delivered(ada, "Hello, Grace!");
    await say(grace, "<b>Hello</b> & welcome");
    await sees(ada, "<b>Hello</b> & welcome");
    same(await count(ada, "Hello, Grace!"), 1, "times it stands at its sender");
    same(await count(grace, "Hello, Grace!"), 1, "times it stands at its receiver");
  });

  await check("who writes is shown, and no longer when the message came", async () => {
    await ada.locator("#text").pressSequentially("I am thinking");
    await grace.locator("#typing", { hasText: "Ada is writing" }).waitFor();
    await shot(grace, "typing");
    await ada.press("#text", "Enter");
    await sees(grace, "I am thinking");
    await grace.locator("#typing:empty").waitFor({ state: "attached" });
  });

  await check("a picture arrives and can be seen", async () => {
    await ada.setInputFiles("#file", { name: "red.png", mimeType: "image/png", buffer: PNG });
    await ada.waitForSelector("#attached:not([hidden])");
    await say(ada, "a red square");
    await delivered(ada, "a red square");
    const img = grace.locator(".message", { hasText: "a red square" }).locator("img");
    await img.waitFor();
    const seen = await img.evaluate(async (node) => {
      await node.decode();
      const bytes = new Uint8Array(await new Promise((resolve) => {
        const canvas = document.createElement("canvas");
        canvas.width = node.naturalWidth;
        canvas.height = node.naturalHeight;
        const context = canvas.getContext("2d");
        context.drawImage(node, 0, 0);
        resolve(context.getImageData(0, 0, 1, 1).data);
      }));
      return [node.naturalWidth, node.naturalHeight, ...bytes];
    });
    same(seen, [4, 4, 255, 0, 0, 255], "size and colour of the picture");
  });

  await check("the history and the picture await who comes later", async () => {
    const late = await person("Linus");
    await sees(late, "Hello, Grace!");
    await late.locator(".message", { hasText: "a red square" }).locator("img").waitFor();
    await late.context().close();
    await sees(ada, /Linus left \(transport (close|error)\)/, ".notice");
  });

  await check("a new room separates", async () => {
    await ada.fill("#new-room input", "Rust & Ruhe");
    await ada.press("#new-room input", "Enter");
    await ada.locator("#title", { hasText: "# Rust & Ruhe" }).waitFor();
    await sees(grace, "Ada went to another room", ".notice");
    await grace.locator('#rooms button[data-room="Rust & Ruhe"] .count', { hasText: "1" }).waitFor();
    await say(ada, "quiet here");
    await delivered(ada, "quiet here");
    await say(grace, "loud here");
    await delivered(grace, "loud here");
    same(await count(grace, "quiet here"), 0, "messages from the other room");
    same(await count(ada, "loud here"), 0, "messages from the other room");
    await grace.click('#rooms button[data-room="Rust & Ruhe"]');
    await sees(grace, "quiet here");
    await sees(ada, "Grace H. came in", ".notice");
    await ada.click('#rooms button[data-room="lobby"]');
    await sees(ada, "loud here");
  });

  await check("everyone but the sender hears a call, in all rooms", async () => {
    await ada.click("#everyone");
    await say(ada, "dinner is ready");
    await delivered(ada, "dinner is ready");
    await sees(grace, "dinner is ready", ".message.everyone");
    same(await count(ada, "dinner is ready"), 1, "times it stands at its sender");
    await shot(grace, "everyone");
  });

  await check("private messages by socket id", async () => {
    await grace.click('#rooms button[data-room="lobby"]');
    const id = await idOf(grace);
    await ada.click(`#people button[data-member="${id}"]`);
    await say(ada, "between us");
    await delivered(ada, "between us");
    const talk = grace.locator(`#privates button[data-private="${await idOf(ada)}"]`);
    await talk.locator(".badge", { hasText: "1" }).waitFor();
    same(await count(grace, "between us"), 0, "private messages in the room");
    await talk.click();
    await sees(grace, "between us");
    await say(grace, "indeed");
    await sees(ada, "indeed");
    await shot(ada, "private");
  });

  await check("the page comes back by itself after the network went", async () => {
    const before = await idOf(grace);
    await grace.click('#rooms button[data-room="lobby"]');
    await ada.click('#rooms button[data-room="lobby"]');
    line.cut();
    await grace.waitForSelector("#banner:not([hidden])");
    await sees(ada, /Grace H. left/, ".notice");
    await say(ada, "while you were away");
    await say(grace, "kept for later");
    await shot(grace, "offline");
    line.mend();
    await sees(grace, "while you were away");
    await delivered(grace, "kept for later");
    await sees(ada, "kept for later");
    if ((await idOf(grace)) === before) throw new Error("the socket id is still the old one");
  });

  await check("the other sees who closes the page", async () => {
    await shot(ada, "lobby");
    await shot(grace, "lobby-dark");
    await upgraded(grace);
    await grace.context().close();
    await sees(ada, /Grace H. left \(transport (close|error)\)/, ".notice");
    await ada.locator("#people-count", { hasText: "· 1" }).waitFor();
  });

  await check("a refused nickname is said on the page", async () => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(WAIT);
    await page.goto(url);
    await page.fill("#nickname", "   ");
    await page.click("#enter");
    await page.locator("#welcome-problem", { hasText: "nickname" }).waitFor();
    await shot(page, "refused");
  });

  if (shots) {
    const phone = await person("Margaret", { viewport: { width: 390, height: 780 } });
    await sleep(500);
    await shot(phone, "phone");
    await phone.click("#open-side");
    await sleep(400);
    await shot(phone, "phone-side");
  }

  await check("no error in the page, and nothing asked for elsewhere", async () => {
    const noise = /net::ERR_|WebSocket connection to .* failed/;
    same(problems.filter((text) => !noise.test(text)), [], "problems");
    return brief(problems.length) === "0" ? undefined : "besides the line that was cut on purpose";
  });
}
