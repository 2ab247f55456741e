// “May I use it?” from the start page to the register, the table it comes from, and a draft of it.
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

async function fits320(page) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize(size);
}

const words = (page) => page.locator('h1').innerText();

test('somebody asks on a phone, chooses the better mode, accepts and is registered', async () => {
  const page = await phone(browser, { javaScript: false });
  await actAs(page, demo, 'Tomás Rivera');
  await examine(page, 'policy-home-phone');
  await page.getByLabel('May I use this tool?').fill('Northlight Assistant');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  assert.equal(await page.getByLabel('Which tool?').inputValue(), 'Northlight Assistant');
  await examine(page, 'policy-ask-phone');
  await page.getByRole('button', { name: 'See the answer' }).click();
  assert.match(await page.title(), /^Error: /);
  await examine(page);
  await page.getByLabel('Personal data', { exact: false }).first().check();
  await page.getByLabel('What for?').selectOption('drafting');
  await page.getByRole('button', { name: 'See the answer' }).click();
  const both = 'No, not in “Free account”. In “Work account” yes, with 2 conditions.';
  assert.equal(await words(page), both);
  await examine(page, 'policy-modes-phone');
  await fits320(page);
  await page.getByRole('link', { name: 'Use “Work account”: 2 conditions' }).click();
  assert.equal(await words(page), 'Yes, with 2 conditions.');
  await examine(page, 'policy-accept-phone');
  await page.getByRole('button', { name: 'Accept and be registered' }).click();
  assert.match(await page.locator('.error-summary').innerText(), /Accept every condition/);
  await examine(page);
  for (const box of await page.locator('[name=accepted]').all()) await box.check();
  await page.getByLabel('What do you call it?').fill('Letters to members');
  await page.getByRole('button', { name: 'Accept and be registered' }).click();
  assert.match(page.url(), /\/use-cases\/AI-/);
  assert.match(await page.locator('main').innerText(), /Letters to members/);
});

test('an unlisted tool has an answer, and the answer can be kept', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Tomás Rivera');
  await page.goto(`${demo.url}/answers?tool=Strange+Bot&class=public`);
  assert.equal(await words(page), 'Nobody has decided this yet.');
  await examine(page, 'policy-unlisted-desktop');
  await page.getByRole('button', { name: 'Keep this answer' }).click();
  assert.match(page.url(), /\/answers\/[0-9a-f-]{36}$/);
  await examine(page, 'policy-kept-desktop');
});

test('the table stands at both widths, prints, and each cell opens its rule', async () => {
  for (const [open, name] of [[phone, 'phone'], [desktop, 'desktop']]) {
    const page = await open(browser);
    await actAs(page, demo, 'Tomás Rivera');
    await page.getByRole('link', { name: 'Data-use policy' }).click();
    await examine(page, `policy-matrix-${name}`);
    await fits320(page);
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.locator('.matrix').isVisible());
    assert.ok(!(await page.locator('.masthead nav').isVisible()));
    await page.emulateMedia({ media: 'screen' });
    const row = page.locator('.matrix tr', { hasText: 'Free account' });
    await row.getByRole('link', { name: 'Not allowed' }).first().click();
    assert.match(await page.locator('main').innerText(), /prompts leave our tenant/);
    await examine(page, `policy-rule-${name}`);
  }
});

test('a keeper writes a draft and sees what it changes before somebody else publishes it', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Elena Petrova');
  await page.goto(`${demo.url}/policy/data_use/drafts`);
  await examine(page);
  await page.getByRole('button', { name: 'Begin a draft' }).click();
  const text = page.getByLabel('The document as JSON');
  const wrong = (await text.inputValue()).replace('"orrery_code"', '"orrery_cod"');
  await text.fill(wrong);
  await page.getByRole('button', { name: 'Save the draft' }).click();
  assert.match(await page.locator('main').innerText(), /did you mean `orrery_code`/);
  await examine(page, 'policy-draft-wrong-desktop');
  const policy = JSON.parse(wrong.replace('"orrery_cod"', '"orrery_code"'));
  policy.rules.find((rule) => rule.key === 'free_account').verdict = 'review_required';
  policy.rules.find((rule) => rule.key === 'code').valid_until = '2020-01-01';
  await text.fill(JSON.stringify(policy, null, 2));
  await page.getByRole('button', { name: 'Save the draft' }).click();
  assert.match(await page.locator('main').innerText(), /Rules that are over/);
  await examine(page, 'policy-draft-desktop');
  await page.getByRole('button', { name: 'Propose it' }).click();
  const address = page.url();
  const other = await phone(browser);
  await actAs(other, demo, 'Sofia Rossi');
  await other.goto(address);
  await examine(other, 'policy-draft-phone');
  await other.getByRole('button', { name: 'Publish' }).click();
  assert.match(await other.locator('main').innerText(), /version 2/);
  expectNoComplaints(other);
});
