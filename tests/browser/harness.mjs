// What every browser test needs: a running demo, a phone or a desktop in front of it, and the
// questions asked of each page: is it accessible, does it stay on its own host, does it fit?
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WCAG_22_AA = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

// The browser may speak to nobody but the page's own server, neither for itself nor for us.
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts headless Chromium; close it in `after`. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: CHROMIUM_FLAGS,
  });
}

/** A page 390 px wide, touched with a finger. Options as for `desktop`. */
export function phone(browser, options = {}) {
  const device = { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  return newPage(browser, device, options);
}

/**
 * A page 1280 px wide, in a context (cookies, storage) of its own.
 * `dark`: the dark theme; `javaScript: false`: scripts are off; `width`: another width in px.
 */
export function desktop(browser, options = {}) {
  return newPage(browser, { width: 1280, height: 900 }, options);
}

// page -> { requests: [url], addresses: those of pages, complaints: [{ text, at }],
//           scripts: the switch, where they are off }
const seen = new WeakMap();

async function newPage(browser, device, { dark = false, javaScript = true, width } = {}) {
  const { width: usual, height, ...rest } = device;
  const context = await browser.newContext({
    ...rest,
    viewport: { width: width ?? usual, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const record = { requests: [], complaints: [], addresses: new Set() };
  if (!javaScript) await (record.scripts = await scriptSwitch(page))(false);
  seen.set(page, record);
  page.on('request', (request) => {
    record.requests.push(request.url());
    if (request.isNavigationRequest()) record.addresses.add(request.url());
  });
  page.on('pageerror', (error) => complain(record, `script error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    complain(record, `console: ${message.text()}`, message.location().url);
  });
  return page;
}

function complain(record, text, at = '') {
  record.complaints.push({ text, at });
}

/** What the browser said, but for the status of the pages themselves: some are errors by design. */
function complaintsOf(page) {
  const { complaints, addresses } = seen.get(page);
  const wrong = complaints.filter(
    ({ text, at }) => !(text.includes('Failed to load resource') && addresses.has(at)),
  );
  return wrong.map(({ text, at }) => `${text} ${at}`.trim());
}

/** Our own switch, since what Playwright's option turns off nobody can turn on again for axe. */
async function scriptSwitch(page) {
  const devtools = await page.context().newCDPSession(page);
  return (on) => devtools.send('Emulation.setScriptExecutionDisabled', { value: !on });
}

/** Fails with each WCAG 2.2 A and AA violation axe finds, the rule, the place and the remedy. */
export async function expectNoAxeViolations(page, { except = [] } = {}) {
  const found = await withScripts(page, async () => {
    // Evaluated, not added as a script element, which the page's own policy would refuse.
    await page.evaluate(AXE);
    return page.evaluate(
      ([tags, off]) =>
        window.axe.run(document, {
          runOnly: { type: 'tag', values: tags },
          rules: Object.fromEntries(off.map((rule) => [rule, { enabled: false }])),
          resultTypes: ['violations'],
        }),
      [WCAG_22_AA, except],
    );
  });
  assert.ok(found.passes.length + found.violations.length > 0, `axe saw nothing on ${page.url()}`);
  assert.equal(found.violations.length, 0, axeReport(page, found.violations));
}

function axeReport(page, violations) {
  const lines = [`${page.url()} has accessibility violations:`];
  for (const rule of violations) {
    lines.push(`  ${rule.id} (${rule.impact}): ${rule.help}`);
    for (const node of rule.nodes) {
      lines.push(`    at ${node.target.join(' ')}`, `       ${node.html.slice(0, 160)}`);
      lines.push(...node.failureSummary.split('\n').map((line) => `       ${line}`));
    }
  }
  return lines.join('\n');
}

/** axe needs timers. Where scripts are off, they are on for its run: too late for the page's. */
async function withScripts(page, work) {
  const { scripts } = seen.get(page);
  await scripts?.(true);
  try {
    return await work();
  } finally {
    await scripts?.(false);
  }
}

/** Fails when the page asked any origin but its own for anything, or its policy was hurt. */
export function expectOnlyOwnHost(page, origin = new URL(page.url()).origin) {
  const { requests } = seen.get(page);
  const foreign = requests.filter(
    (url) => /^(https?|wss?|ftp):/.test(url) && new URL(url).origin !== origin,
  );
  expectNone(foreign, `${page.url()} asked other hosts than ${origin}`);
  const refused = complaintsOf(page).filter((text) => text.includes('Content Security Policy'));
  expectNone(refused, `${page.url()} wants what its security policy forbids`);
}

/** Fails on script errors and error lines in the console (a 404 image is one of these). */
export function expectNoComplaints(page) {
  expectNone(complaintsOf(page), `${page.url()} made the browser complain`);
}

function expectNone(found, what) {
  assert.ok(found.length === 0, `${what}:\n  ${found.join('\n  ')}`);
}

/** Fails when the page is wider than its window and would have to be pushed sideways. */
export async function expectNoSidewaysScroll(page) {
  const [needed, given] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(needed <= given, `${page.url()} needs ${needed} px, the window has ${given} px`);
}

let elsewhere;

/**
 * Takes a picture of the whole page and returns its path. Only COUNTERSIGN_PICTURES=1 renews
 * docs/pictures/NAME.png, unless no document shows it (`shown: false`); otherwise it goes to a
 * temporary folder and the tree stays as it is.
 */
export async function screenshot(page, name, { fullPage = true, shown = true } = {}) {
  let folder = path.join(ROOT, 'docs', 'pictures');
  if (shown && process.env.COUNTERSIGN_PICTURES === '1') {
    await mkdir(folder, { recursive: true });
  } else {
    elsewhere ??= await mkdtemp(path.join(tmpdir(), 'countersign-pictures-'));
    folder = elsewhere;
  }
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file, fullPage, animations: 'disabled', caret: 'hide' });
  return file;
}

/**
 * Starts `countersign demo`, on a free port unless told, and waits until it answers.
 * Returns `{ url, output(), stop() }`; `stop` fails when the server panicked.
 */
export async function startDemo({ listen = '127.0.0.1:0', args = [], env = {} } = {}) {
  const binary = process.env.COUNTERSIGN_BIN;
  assert.ok(binary, 'COUNTERSIGN_BIN names no binary; run tests/run browser');
  return startServer(binary, ['demo', '--listen', listen, ...args], env);
}

/** Starts any server that prints its address, http://127.0.0.1:PORT, on its standard output. */
export async function startServer(command, args, env = {}) {
  const server = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    server[name].setEncoding('utf8');
    server[name].on('data', (text) => (said[name] += text));
  }
  const output = () => `${said.stdout}\n${said.stderr}`;
  const ended = new Promise((done) => {
    server.once('error', (error) => {
      said.stderr += error.message;
      done();
    });
    server.once('exit', done);
  });
  let running = true;
  ended.then(() => (running = false));

  const stop = async () => {
    if (running) {
      server.kill('SIGTERM');
      const late = pause(5_000, undefined, { ref: false }).then(() => server.kill('SIGKILL'));
      await Promise.race([ended, late]);
    }
    assert.ok(!output().includes('panicked at'), `the server panicked:\n${output()}`);
  };
  try {
    const url = await poll(60_000, async () => {
      assert.ok(running, `the server ended:\n${output()}`);
      assert.ok(!said.stderr.includes('panicked at'), `the server panicked:\n${output()}`);
      const [address] = said.stdout.match(/http:\/\/127\.0\.0\.1:[1-9]\d*/) ?? [];
      return address && (await answers(address)) ? address : undefined;
    });
    assert.ok(url, `the server printed no address that answers:\n${output()}`);
    return { url, output, stop };
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
}

async function answers(address) {
  try {
    await (await fetch(address, { redirect: 'manual' })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Asks again until `question` gives something, for at most `milliseconds`. */
export async function poll(milliseconds, question) {
  const end = Date.now() + milliseconds;
  while (Date.now() < end) {
    const answer = await question();
    if (answer !== undefined && answer !== false) return answer;
    await pause(50);
  }
  return undefined;
}
