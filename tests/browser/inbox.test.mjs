// Somebody with many questions works them off together, while a colleague is faster with one of
// them; and everybody sees on a record's page whom its clocks brought in.
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
import { actAs, addressOf, decide, ledgerSize } from './journey.mjs';

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

const main = (page) => page.locator('main').innerText();

test('two questions are answered together on a phone; what a colleague decided first stays', async () => {
  const samuel = await phone(browser, { javaScript: false });
  await actAs(samuel, demo, 'Samuel Ortiz');
  await samuel.goto(`${demo.url}/tasks`);
  const choices = samuel.locator('main [name="task"]');
  assert.equal(await choices.count(), 2);
  assert.match(await main(samuel), /overdue/i);
  await examine(samuel);
  for (const choice of await choices.all()) await choice.check();
  await samuel.getByRole('button', { name: 'Reject the chosen…' }).click();
  await examine(samuel);

  const mei = await desktop(browser);
  await actAs(mei, demo, 'Mei Tanaka');
  await mei.goto(`${demo.url}/tasks`);
  await examine(mei);
  await screenshot(mei, 'inbox-desktop', { fullPage: false });
  await mei.getByRole('link', { name: /Call notes for the service desk/ }).first().click();
  await decide(mei, 'reject', { reason: 'Callers were never told.' });
  await mei.getByRole('heading', { level: 1 }).waitFor();

  await samuel.getByLabel(/^Reason/).fill('Not without a lawful basis.');
  const entries = await ledgerSize(demo);
  await samuel.getByRole('button', { name: /^Reject 2 use cases/ }).click();
  await samuel.getByRole('heading', { name: 'What was recorded' }).waitFor();
  const [recorded, refused] = (await main(samuel)).split('Not recorded');
  assert.match(recorded, /Storm hotline assistant/);
  assert.match(refused, /Call notes for the service desk/);
  assert.ok((await ledgerSize(demo)) > entries);
  await examine(samuel);
  await samuel.goto(`${demo.url}/tasks`);
  assert.equal(await choices.count(), 0);
});

test("a record's page tells whom its clocks reminded, told and brought in", async () => {
  for (const [page, width] of [[await phone(browser), 'phone'], [await desktop(browser), 'desktop']]) {
    await actAs(page, demo, 'Ada Brandt');
    await page.goto(await addressOf(page, demo, 'Photo triage of motor damage'));
    const text = await main(page);
    for (const happened of [
      /Human oversight: Ruth Adeyemi and Carla Mendes reminded/,
      /Human oversight: its time ran out/,
      /Human oversight: Elena Petrova told that it waits/,
      /Vendor assessment: Farah Nasser may decide too/,
    ]) {
      assert.match(text, happened);
    }
    assert.doesNotMatch(text, / [.,]\s/, 'no blank before a full stop');
    await examine(page);
    await page.getByRole('heading', { name: 'Where it stands' }).evaluate((heading) => {
      heading.scrollIntoView({ block: 'start' });
    });
    const shown = width === 'desktop';
    await screenshot(page, `review-escalated-${width}`, { fullPage: false, shown });
  }
});
