// A keeper of the policy looks after the calendar: on a phone, without scripts, with a slip of the
// finger on the way, and with a colleague who is faster.
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
  screenshot,
  startDemo,
} from './harness.mjs';
import { actAs, answer } from './journey.mjs';

const KEEPER = 'Elena Petrova';

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

async function examine(page) {
  await expectNoSidewaysScroll(page);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await expectNoAxeViolations(page);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

const fact = (page, name) =>
  page.locator('.facts > div', { has: page.locator('dt', { hasText: name }) }).locator('dd');

test('a keeper mends the hours by a form that names what is wrong', async () => {
  const page = await phone(browser, { javaScript: false });
  await actAs(page, demo, KEEPER);
  await page.getByRole('link', { name: 'Calendars' }).click();
  await page.getByRole('link', { name: 'Head office, Brussels, version 1' }).click();
  assert.match(await fact(page, 'Friday').innerText(), /09:00–12:30, 13:30–16:00/);
  assert.match(await page.locator('main').innerText(), /All holidays until 31 Dec 2028 are listed/);
  await examine(page);
  await screenshot(page, 'calendar-phone');
  await page.getByRole('link', { name: 'Change' }).click();
  await examine(page);
  await page.setViewportSize({ width: 320, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await answer(page, { fri: '9-12', zone: 'Europe/Bruxelles', title: 'Head office, Friday off' });
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await page.title(), /^Error: /);
  const summary = page.locator('.error-summary a');
  assert.deepEqual(await summary.allInnerTexts(), [
    'Friday: “9-12” is no time: write hours such as 09:00–12:30, 13:30–17:30',
  ]);
  assert.equal(await page.locator('[name=fri]').inputValue(), '9-12');
  await examine(page);
  await screenshot(page, 'calendar-form-phone');
  await summary.click();
  await answer(page, { fri: '' });
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await page.locator('.error-summary').innerText(), /did you mean Europe\/Brussels\?/);
  await answer(page, { zone: 'Europe/Brussels' });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Head office, Friday off, version 2' }).waitFor();
  assert.equal(await fact(page, 'Friday').innerText(), 'no work');
  await page.getByRole('link', { name: 'Version 1' }).click();
  assert.match(await fact(page, 'Friday').innerText(), /13:30–16:00/);
  await examine(page);
});

test('of two keepers who save at once the second is told and keeps what they typed', async () => {
  const [one, two] = [await desktop(browser), await desktop(browser)];
  await actAs(one, demo, KEEPER);
  await actAs(two, demo, 'Sofia Rossi');
  for (const page of [one, two]) {
    await page.goto(`${demo.url}/calendars/head_office/change`);
  }
  await answer(one, { title: 'By Elena' });
  await one.getByRole('button', { name: 'Save' }).click();
  await one.getByRole('heading', { name: /By Elena, version/ }).waitFor();
  await answer(two, { title: 'By Sofia' });
  await two.getByRole('button', { name: 'Save' }).click();
  assert.match(await two.locator('.error-summary').innerText(), /Somebody else changed/);
  assert.equal(await two.locator('[name=title]').inputValue(), 'By Sofia');
  await examine(two);
  await two.getByRole('button', { name: 'Save' }).click();
  await two.getByRole('heading', { name: /By Sofia, version/ }).waitFor();
  await examine(two);
});

test('whoever does not keep the policy reads calendars and changes none', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'David Cohen');
  await page.goto(`${demo.url}/calendars/head_office`);
  assert.equal(await page.getByRole('link', { name: 'Change' }).count(), 0);
  const refused = await page.goto(`${demo.url}/calendars/head_office/change`);
  assert.equal(refused.status(), 403);
});
