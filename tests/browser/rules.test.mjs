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
      await screenshot(page, `${name}-${width}-${colorScheme}`);
      await page.evaluate(() => {
        for (const folded of document.querySelectorAll('details')) folded.open = true;
      });
      await expectNoAxeViolations(page);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }
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
  await examine(`${draft}/general`, 'workflow-general');
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
  await examine(`${demo.url}/workflows`, 'workflows');
  await examine(`${demo.url}/workflows/new`, 'workflow-new');
});
