// How the rules are changed in a browser: a draft by questions, its page, a second person.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  desktop,
  expectNoAxeViolations,
  expectNoSidewaysScroll,
  openBrowser,
  phone,
  screenshot,
  startDemo,
} from './harness.mjs';
import { actAs } from './journey.mjs';

let demo;
let browser;
let small;
let large;

before(async () => {
  demo = await startDemo();
  browser = await openBrowser();
  small = await phone(browser);
  large = await desktop(browser);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Looks at an address in both widths and both themes, folded and unfolded. */
async function examine(url, name) {
  for (const [page, width] of [[small, 'phone'], [large, 'desktop']]) {
    await page.goto(url);
    await expectNoSidewaysScroll(page);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await screenshot(page, `${name}-${width}-${colorScheme}`, { shown: false });
      await page.evaluate(() => {
        for (const folded of document.querySelectorAll('details')) folded.open = true;
      });
      await expectNoAxeViolations(page);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }
}

/** A seat is given to one more by the name that the page offers, and the page is pictured. */
async function seats(page, address) {
  await page.goto(address);
  const seat = page.getByRole('group', { name: 'Seat 2', exact: true });
  const names = seat.getByRole('group', { name: 'Who decides' }).getByRole('combobox');
  const offered = page.locator('datalist#who option');
  const values = await offered.evaluateAll((all) => all.map((one) => one.value));
  assert.ok(values.includes('role ciso') && values.includes('leila@harbour.example'));
  await names.last().fill('role ciso');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.deepEqual(await names.evaluateAll((all) => all.map((one) => one.value)), [
    'group ai_council',
    'role ciso',
    '',
  ]);
  await page.getByRole('heading', { name: 'Who decides', exact: true }).scrollIntoViewIfNeeded();
  await page.getByRole('heading', { name: 'Who decides', exact: true }).evaluate((heading) => {
    heading.scrollIntoView({ block: 'start' });
  });
  await screenshot(page, 'workflow-editor-desktop', { fullPage: false });
}

test('a keeper changes a workflow by questions, and a second person publishes it', async () => {
  for (const page of [small, large]) await actAs(page, demo, 'Elena Petrova');
  await large.goto(`${demo.url}/workflows/ai_use_case/1`);
  await large.getByRole('button', { name: 'Change this workflow' }).click();
  const draft = large.url();
  await large.getByRole('link', { name: 'The whole' }).click();
  await large.getByLabel('Title').fill('Our policy');
  await large.getByRole('button', { name: 'Save' }).click();
  await large.goto(`${draft}/stages/legal_security`);
  await large.getByLabel('One more condition').selectOption({ index: 3 });
  await large.getByLabel('Joined by').selectOption('or');
  await large.getByRole('button', { name: 'Add the condition' }).click();
  assert.match(await large.locator('#when').inputValue(), / \|\| /);
  await examine(`${draft}/stages/legal_security`, 'workflow-stage');
  await seats(large, `${draft}/stages/council`);
  await large.goto(`${draft}/tables/risk`);
  await large.getByLabel('One more condition').selectOption("'translation' in request.uses");
  await large.getByRole('button', { name: 'Add the condition' }).click();
  const row = large.getByRole('group', { name: 'Row 9', exact: true });
  assert.equal(await row.getByLabel('When').inputValue(), "'translation' in request.uses");
  await row.getByLabel('Then').fill('dangerous');
  await row.getByLabel('Because').fill('It translates.');
  await large.getByRole('button', { name: 'Save' }).click();
  assert.match(await row.locator('.error').innerText(), /not among/);
  await row.getByLabel('Then').fill('medium');
  await large.getByRole('button', { name: 'Save' }).click();
  assert.equal(await row.locator('.error').count(), 0);
  const parts = ['general', 'tables/risk', 'edits', 'conditions', 'renewal', 'override'];
  for (const part of parts) await examine(`${draft}/${part}`, `workflow-${part.replace('/', '-')}`);
  await examine(`${draft}?last=20`, 'workflow-draft');
  await large.goto(draft);
  await large.getByRole('button', { name: 'Propose it for publication' }).click();
  await large.getByText('Another keeper of the policy publishes it').waitFor();

  for (const page of [small, large]) await actAs(page, demo, 'Sofia Rossi');
  await examine(draft, 'workflow-proposal');
  await large.goto(draft);
  await large.getByRole('button', { name: 'Publish', exact: true }).click();
  await large.waitForURL(/workflows\/ai_use_case\/2$/);
  await examine(`${demo.url}/workflows/ai_use_case/versions`, 'workflow-versions');
  await examine(`${demo.url}/workflows/ai_use_case/2`, 'workflow-version');
  await large.setViewportSize({ width: 1280, height: 560 });
  await large.goto(`${demo.url}/workflows/ai_use_case/2`);
  await large.getByRole('heading', { name: 'The way through' }).evaluate((heading) => {
    heading.scrollIntoView({ block: 'start' });
  });
  await screenshot(large, 'workflow-diagram-desktop', { fullPage: false });
  await large.setViewportSize({ width: 1280, height: 900 });
  await examine(`${demo.url}/workflows`, 'workflows');
  await examine(`${demo.url}/workflows/new`, 'workflow-new');
});

test('of two who change the same part the second keeps what they typed; a draft is given up', async () => {
  const elena = await phone(browser, { javaScript: false });
  const sofia = await desktop(browser);
  await actAs(elena, demo, 'Elena Petrova');
  await actAs(sofia, demo, 'Sofia Rossi');
  await elena.goto(`${demo.url}/workflows/ai_use_case/drafts`);
  await elena.getByRole('button', { name: /^Begin a draft/ }).click();
  const draft = elena.url();
  for (const page of [elena, sofia]) await page.goto(`${draft}/conditions`);
  await sofia.getByLabel('Due after').fill('P20D');
  await sofia.getByRole('button', { name: 'Save' }).click();
  await elena.getByLabel('Its owner is reminded').fill('P5D');
  const answer = elena.waitForResponse((r) => r.request().method() === 'POST');
  await elena.getByRole('button', { name: 'Save' }).click();
  assert.equal((await answer).status(), 409);
  assert.match(await elena.title(), /^Error: /);
  assert.equal(await elena.getByLabel('Its owner is reminded').inputValue(), 'P5D');
  const table = await elena.getByRole('region', { name: 'What you typed' }).innerText();
  assert.match(table, /conditions\/due\s+P20D\s+P30D/, 'what Sofia saved stands beside it');
  await expectNoSidewaysScroll(elena);
  await expectNoAxeViolations(elena);
  await screenshot(elena, 'workflow-part-stale-phone', { shown: false });
  await elena.getByLabel('Due after').fill('P20D');
  await elena.getByRole('button', { name: 'Save' }).click();
  await sofia.goto(`${draft}/conditions`);
  assert.equal(await sofia.getByLabel('Due after').inputValue(), 'P20D');
  assert.equal(await sofia.getByLabel('Its owner is reminded').inputValue(), 'P5D');

  await elena.goto(draft);
  await elena.getByText('Discard this draft').click();
  await elena.getByRole('button', { name: 'Discard it' }).click();
  assert.match(await elena.locator('main').innerText(), /Discarded by Elena Petrova/);
  await expectNoAxeViolations(elena);
  await sofia.getByLabel('Due after').fill('P21D');
  await sofia.getByRole('button', { name: 'Save' }).click();
  assert.match(await sofia.locator('.error-summary').innerText(), /was discarded/);
  assert.equal(await sofia.getByLabel('Due after').inputValue(), 'P21D');
});
