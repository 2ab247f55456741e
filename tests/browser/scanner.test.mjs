// What opens links in mails without being a person: it decides nothing, however long it looks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { expectOnlyOwnHost, openBrowser, phone, startDemo } from './harness.mjs';
import { actAs, ledgerSize, LOW_RISK, signOffLink, submitUseCase } from './journey.mjs';

/** How long the scanner's browser runs the page's scripts. */
const SECONDS = Number(process.env.COUNTERSIGN_SCANNER_SECONDS || 5);

let demo;
let browser;
let link;
let size;

before(async () => {
  demo = await startDemo();
  browser = await openBrowser();
  const page = await phone(browser);
  await actAs(page, demo, 'Tomás Rivera');
  const reference = await submitUseCase(page, demo, { ...LOW_RISK, title: 'Scanned' });
  link = await signOffLink(demo, 'mei@harbour.example', reference);
  size = await ledgerSize(demo);
  assert.ok(size > 0);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function expectStillOpen() {
  assert.equal(await ledgerSize(demo), size, 'the ledger has not grown');
  const page = await phone(browser, { javaScript: false });
  await page.goto(link);
  await page.getByRole('button', { name: 'Record my decision' }).waitFor();
}

test('fifty GETs and fifty HEADs of an open link change nothing', async () => {
  const look = async (method) => {
    const response = await fetch(link, { method });
    await response.arrayBuffer();
    assert.equal(response.status, 200);
    assert.match(response.headers.get('cache-control'), /no-store/);
    assert.equal(response.headers.get('set-cookie'), null);
  };
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 10 }, (_, at) => look(at % 2 ? 'GET' : 'HEAD')));
  }
  await expectStillOpen();
});

test(`a browser that runs the page's scripts for ${SECONDS} s changes nothing`, async () => {
  const page = await phone(browser);
  await page.goto(link);
  const same = await page.locator('main').innerText();
  await pause(SECONDS * 1000);
  assert.equal(page.url(), link, 'the page went nowhere by itself');
  assert.equal(await page.locator('main').innerText(), same);
  expectOnlyOwnHost(page);
  await expectStillOpen();
});

test('a scanner that presses every button without choosing changes nothing', async () => {
  const page = await phone(browser);
  await page.goto(link);
  const buttons = await page.locator('main button').count();
  assert.ok(buttons > 0);
  for (let at = 0; at < buttons; at += 1) {
    await page.goto(link);
    await page.locator('main button').nth(at).click();
    await page.getByText('There is a problem').waitFor();
  }
  await expectStillOpen();
});

test('a scanner that posts the bare address, or with other methods, changes nothing', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const response = await fetch(link, { method });
    await response.arrayBuffer();
    assert.ok(response.status >= 400 && response.status < 500, `${method}: ${response.status}`);
  }
  await expectStillOpen();
});

test('a choice posted without what the page carries is refused', async () => {
  const body = new URLSearchParams({ _choice: 'reject', _reason: 'Because' });
  const response = await fetch(link, { method: 'POST', body });
  await response.arrayBuffer();
  assert.ok(response.status >= 400 && response.status < 500, `status ${response.status}`);
  await expectStillOpen();
});
