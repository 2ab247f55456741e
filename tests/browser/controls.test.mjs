// What keeps a use case in hand after its approval: human review and risk.
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
import { actAs, addressOf } from './journey.mjs';

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
const SUMMARIES = 'Contract summaries for claims handlers';

test('an overseer records what they looked at, on a phone and without scripts', async () => {
  const page = await phone(browser, { javaScript: false });
  await actAs(page, demo, 'Ruth Adeyemi');
  await page.goto(`${demo.url}/human-review`);
  await examine(page, 'oversight-own');
  await page.getByRole('link', { name: SUMMARIES }).click();
  await page.getByLabel('How many outputs you looked at').fill('5');
  await page.getByLabel('How many of them you overrode').fill('6');
  await page.getByLabel('Which outputs').fill('Contracts 2231 to 2235');
  await page.getByRole('button', { name: 'Record it' }).click();
  assert.match(await text(page), /at most as many as you looked at/);
  assert.equal(await page.getByLabel('Which outputs').inputValue(), 'Contracts 2231 to 2235');
  await examine(page, 'oversight-wrong');
  await page.getByLabel('How many of them you overrode').fill('0');
  await page.getByRole('button', { name: 'Record it' }).click();
  assert.match(await text(page), /29 looked at, 3 overridden \(10\.3 %\)/);
  await examine(page, 'oversight');
});

test('data protection accepts what is left, and the areas are settled', async () => {
  const page = await desktop(browser, { javaScript: false });
  await actAs(page, demo, 'Mei Tanaka');
  const address = await addressOf(page, demo, SUMMARIES);
  await page.goto(`${address}/overview`);
  assert.match(await text(page), /waits for an answer of data protection/);
  await page.goto(`${address}/risk`);
  await examine(page, 'risk-open');
  await page.getByLabel('Why you accept it').fill('Handlers read each contract anyway.');
  await page.getByRole('button', { name: 'Accept what is left' }).click();
  assert.match(await text(page), /Say the last day on which it is accepted/);
  const typed = await page.getByLabel('Why you accept it').inputValue();
  assert.equal(typed, 'Handlers read each contract anyway.');
  const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel('Accepted until').fill(day);
  await page.getByRole('button', { name: 'Accept what is left' }).click();
  assert.match(await text(page), /Accepted/);
  await page.goto(`${address}/overview`);
  assert.doesNotMatch(await text(page), /waits for an answer/);
});

test('the heat map leads from a number to its use cases', async () => {
  for (const [open, name] of [[phone, 'phone'], [desktop, 'desktop']]) {
    const page = await open(browser);
    await actAs(page, demo, 'Elena Petrova');
    await page.goto(`${demo.url}/risk`);
    await examine(page, `risk-map-${name}`);
    await page.getByLabel('Area').selectOption('privacy');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.locator('.matrix td.bad a').first().click();
    assert.match(await text(page), new RegExp(SUMMARIES));
    await page.getByRole('link', { name: SUMMARIES }).click();
    assert.match(await text(page), /The nine areas/);
  }
});

test('an owner assesses the risk anew from what was said before', async () => {
  const page = await desktop(browser, { javaScript: false });
  await actAs(page, demo, 'Li Wei');
  const address = await addressOf(page, demo, 'Alt texts for our website');
  await page.goto(`${address}/risk`);
  await page.getByText('Assess it again').click();
  await page.locator('#bias_residual_impact').selectOption('4');
  await page.getByRole('button', { name: 'Record the assessment' }).click();
  assert.match(await text(page), /Bias: what is left cannot be more than what there was/);
  await examine(page, 'risk-wrong');
  await page.locator('#bias_residual_impact').selectOption('2');
  await page.getByRole('button', { name: 'Record the assessment' }).click();
  assert.match(await text(page), /Left: likelihood 1, impact 2/);
});
