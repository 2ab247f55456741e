// Below a path of a shared host everything works as it does at the top.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import {
  desktop,
  expectNoComplaints,
  expectOnlyOwnHost,
  openBrowser,
  phone,
  startDemo,
} from './harness.mjs';
import { actAs, decide, LOW_RISK, signInByMail, signOffLink, submitUseCase } from './journey.mjs';

let origin;
let demo;
let browser;

/** A port that was free a moment ago; the address in mails has to be known before the start. */
function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

before(async () => {
  origin = `http://127.0.0.1:${await freePort()}`;
  const url = `${origin}/register`;
  const listen = new URL(origin).host;
  const server = await startDemo({ listen, args: ['--public-url', url] });
  demo = { ...server, url };
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const below = (address) => `${new URL(address).pathname}/`.startsWith('/register/');

test('links, styles, forms and downloads stay below the path', async () => {
  const page = await desktop(browser);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await actAs(page, demo, 'David Cohen');
  const visited = new Set();
  const waiting = ['/', '/use-cases', '/log', '/use-cases/new', '/use-cases/AI-2026-0002'];
  for (const start of waiting) {
    await page.goto(`${demo.url}${start}`);
    const addresses = await page.evaluate(() => [
      ...[...document.links].map((link) => link.href),
      ...[...document.forms].map((form) => form.action),
    ]);
    for (const address of addresses) {
      assert.ok(below(address), `${start} leads to ${address}`);
      visited.add(address.replace(/#.*/, ''));
    }
    const styled = await page.evaluate(() => getComputedStyle(document.body).display);
    assert.equal(styled, 'flex', 'the stylesheet was found');
  }
  for (const address of asked) assert.ok(below(address), address);
  expectNoComplaints(page);
  expectOnlyOwnHost(page);

  for (const address of visited) {
    const { pathname } = new URL(address);
    // They take forms only.
    if (/\/(sign-out|submission|withdrawal|exports)$/.test(pathname)) continue;
    const response = await page.request.get(address, { maxRedirects: 0 });
    assert.equal(response.status(), 200, address);
  }
});

test('whoever is not signed in is sent to sign in and back again', async () => {
  const page = await phone(browser);
  await page.goto(`${demo.url}/use-cases`);
  assert.ok(page.url().startsWith(`${demo.url}/sign-in?`), page.url());
  await signInByMail(page, demo, 'ada@harbour.example');
  await page.getByRole('heading', { level: 1, name: 'Ada Brandt' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.ok(below(page.url()), page.url());
});

test('a use case is written, and decided by the link in the mail', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Tomás Rivera');
  const reference = await submitUseCase(page, demo, { ...LOW_RISK, title: 'Below a path' });
  const link = await signOffLink(demo, 'mei@harbour.example', reference);
  assert.ok(link.startsWith(`${demo.url}/s/`), link);
  const theirs = await phone(browser, { javaScript: false });
  await theirs.goto(link);
  await decide(theirs, 'reject', { reason: 'Not like this.' });
  await theirs.getByRole('heading', { name: 'Your decision is recorded' }).waitFor();
  await page.goto(`${demo.url}/use-cases/${reference}`);
  await page.locator('.states').getByText('Rejected').waitFor();
});

test('above the path there is nothing', async () => {
  for (const path of ['/', '/use-cases', '/registers', '/register-not']) {
    const response = await fetch(origin + path, { redirect: 'manual' });
    await response.arrayBuffer();
    assert.equal(response.status, 404, path);
  }
});
