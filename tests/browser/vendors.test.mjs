// A change at a vendor: somebody reports it, a keeper says that it counts, and what depends on the
// vendor is under re-review until that is decided.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  desktop,
  expectNoAxeViolations,
  expectNoComplaints,
  expectNoSidewaysScroll,
  expectOnlyOwnHost,
  openBrowser,
  phone,
  poll,
  screenshot,
  startDemo,
} from './harness.mjs';
import { actAs } from './journey.mjs';

let demo;
let browser;

before(async () => {
  demo = await startDemo();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function examine(page, name) {
  await expectNoSidewaysScroll(page);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await expectNoAxeViolations(page);
    if (name) await screenshot(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

async function openVendor(page, title) {
  await page.goto(`${demo.url}/vendors`);
  await page.getByRole('link', { name: title }).click();
}

const text = (page) => page.locator('main').innerText();

test('somebody sees on a phone what depends on a vendor, and reports a change', async () => {
  const page = await phone(browser, { javaScript: false });
  await actAs(page, demo, 'Tomás Rivera');
  await openVendor(page, 'Clearwater Systems');
  assert.match(await text(page), /How we would leave/i);
  assert.match(await text(page), /What depends on this vendor/i);
  await examine(page, 'vendor-phone');
  await page.getByRole('link', { name: 'Report a change at this vendor' }).click();
  await examine(page, 'vendor-changes-phone');
  await page.getByRole('button', { name: 'Report it' }).click();
  assert.match(await page.locator('.error-summary').innerText(), /Choose what changed/);
  await examine(page, 'vendor-changes-wrong-phone');
  await page.getByLabel('What our data is used for').check();
  await page.getByLabel('In your own words').fill('They train on our scans from March on.');
  await page.getByLabel('May they train on our data now?').selectOption('yes');
  await page.getByRole('button', { name: 'Report it' }).click();
  assert.match(await text(page), /waits for somebody with the role vendor risk/);
  await examine(page, 'vendor-change-reported-phone');
});

test('a keeper says that it counts, and the answer is another', async () => {
  const page = await desktop(browser, { javaScript: false });
  await actAs(page, demo, 'Jonas Weber');
  const question = `${demo.url}/answers?tool=Clearwater+Reader&class=public`;
  await page.goto(question);
  const before = await page.locator('h1').innerText();
  await openVendor(page, 'Clearwater Systems');
  await page.getByRole('link', { name: /Change: what our data is used for/ }).click();
  await examine(page, 'vendor-change-decide-desktop');
  await page.getByRole('button', { name: 'It does not count' }).click();
  assert.match(await page.locator('.error-summary').innerText(), /Say why/);
  await examine(page);
  await page.getByLabel('Reason').fill('Their new terms say so.');
  await page.getByRole('button', { name: 'It counts: review again' }).click();
  const begun = await poll(60_000, async () => {
    await page.reload();
    return !/About to begin/i.test(await text(page));
  });
  assert.ok(begun, 'the reviews begin');
  assert.match(await text(page), /Under re-review/i);
  await examine(page, 'vendor-change-open-desktop');
  await page.goto(question);
  assert.notEqual(await page.locator('h1').innerText(), before);
  assert.match(await text(page), /Something changed at Clearwater Systems/);
  await examine(page, 'vendor-answer-desktop');
  await page.goto(`${demo.url}/use-cases`);
  assert.match(await text(page), /Under re-review because something changed at Clearwater Systems/);
  await examine(page, 'vendor-register-desktop');
  await openVendor(page, 'Clearwater Systems');
  await examine(page, 'vendor-desktop');
});
