// Tools, joining an approval, and how every point of governance stands.
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

const text = (page) => page.locator('main').innerText();

test('somebody finds a tool and its page tells what may go in', async () => {
  for (const [open, name] of [[phone, 'phone'], [desktop, 'desktop']]) {
    const page = await open(browser, { javaScript: false });
    await actAs(page, demo, 'Tomás Rivera');
    await page.goto(`${demo.url}/catalogue`);
    assert.match(await text(page), /Northlight Assistant/);
    await examine(page, `catalogue-${name}`);
    await page.getByLabel('Search').fill('assistant');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByRole('link', { name: 'Northlight Assistant', exact: true }).click();
    assert.match(await text(page), /Check every output against its source/);
    assert.ok(await page.locator('.matrix').isVisible());
    await examine(page, `catalogue-tool-${name}`);
    await page.goto(`${demo.url}/catalogue/spend`);
    assert.match(await text(page), /Northlight AI: /);
    await examine(page, `catalogue-spend-${name}`);
    await page.emulateMedia({ media: 'print' });
    assert.ok(!(await page.locator('.masthead nav').isVisible()));
  }
});

test('a team joins an approval on a phone; what lies outside is offered as a request', async () => {
  const page = await phone(browser, { javaScript: false });
  await actAs(page, demo, 'Tomás Rivera');
  await page.goto(`${demo.url}/use-cases?q=Alt+texts+for+our+website`);
  await page.getByRole('link', { name: 'Alt texts for our website', exact: true }).click();
  await examine(page, 'join-base-phone');
  await page.getByRole('link', { name: 'Join this approval' }).click();
  await examine(page, 'join-phone');
  await page.getByLabel('What do you call it?').fill('Alt texts for claims');
  await page.getByLabel('Which team or unit is it of?').fill('Claims');
  await page.getByLabel('What is it for?').fill('Describe pictures.');
  await page.getByRole('checkbox', { name: /Personal data.*not approved/ }).check();
  await page.getByRole('button', { name: 'Join and be registered' }).click();
  assert.match(await page.title(), /^Error: /);
  assert.match(await text(page), /This needs a review/);
  assert.equal(await page.getByLabel('What do you call it?').inputValue(), 'Alt texts for claims');
  await examine(page, 'join-outside-phone');
  await page.getByRole('checkbox', { name: /Personal data.*not approved/ }).uncheck();
  await page.getByRole('checkbox', { name: /in the account and licence/ }).check();
  await page.getByRole('button', { name: 'Join and be registered' }).click();
  assert.match(await text(page), /Joined an approval/);
  await examine(page, 'joined-phone');
});

test('seven points and nine areas stand for one use case and for all', async () => {
  for (const [open, name] of [[phone, 'phone'], [desktop, 'desktop']]) {
    const page = await open(browser, { javaScript: false });
    await actAs(page, demo, 'Elena Petrova');
    await page.goto(`${demo.url}/overview`);
    await examine(page, `overview-${name}`);
    await page.getByRole('row', { name: /Who approves/ }).getByRole('link').first().click();
    await examine(page, `overview-list-${name}`);
    await page.locator('main .todo a').first().click();
    assert.match(await text(page), /Who approves/);
    assert.match(await text(page), /Operational resilience/);
    await examine(page, `overview-record-${name}`);
    await page.emulateMedia({ media: 'print' });
    assert.ok(!(await page.locator('.masthead nav').isVisible()));
  }
});
