// What becomes of an approval: conditions are met or let go, approvals are suspended, revoked or
// retired, and a use case goes ahead before its review ended. Each by those who do it, and two at
// the same moment.
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
import { actAs, addressOf, ledgerSize, newLetter } from './journey.mjs';

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

/** Somebody in a browser of their own, on the page of a use case. */
async function at(name, title, { on = desktop, ...options } = {}) {
  const page = await on(browser, options);
  await actAs(page, demo, name);
  const address = await addressOf(page, demo, title);
  await page.goto(address);
  return page;
}

const main = (page) => page.locator('main').innerText();
const status = (page) => page.locator('.states .status').first().innerText();
const deed = (page, words) => page.getByRole('link', { name: words }).first();
const press = (page, words) => page.getByRole('button', { name: words }).click();
const reason = (page, words = 'Reason') => page.getByLabel(words, { exact: true });

/** Presses the button of a deed that comes too late; what was typed is still there. */
async function refused(page, button, typed) {
  const entries = await ledgerSize(demo);
  const answer = page.waitForResponse((r) => r.request().method() === 'POST');
  await press(page, button);
  assert.equal((await answer).status(), 409);
  assert.match(await page.title(), /^Error: /);
  if (typed) assert.equal(await reason(page).inputValue(), typed);
  assert.equal(await ledgerSize(demo), entries, 'a refusal leaves no entry');
  return page.locator('.error-summary').innerText();
}

test('a missed condition is met on a phone without scripts, and the approval is in force again', async () => {
  const title = 'Claims letters in plain language';
  const owner = await at('Tomás Rivera', title, { on: phone, javaScript: false });
  assert.equal(await status(owner), 'Suspended');
  const record = owner.url();
  const give = async (text) => {
    await owner.goto(record);
    await deed(owner, /^Give evidence\s*: Train/).click();
    await reason(owner, 'What shows that it is done').fill(text);
    await press(owner, 'Give this evidence');
  };
  await give('');
  assert.match(await owner.title(), /^Error: /);
  await examine(owner);
  await give('Twelve of fourteen handlers were trained.');
  assert.equal(owner.url(), record);

  const mei = await at('Mei Tanaka', title);
  await deed(mei, /^Refuse the evidence\s*: Train/).click();
  assert.match(await main(mei), /Twelve of fourteen handlers/);
  await examine(mei);
  await reason(mei).fill('Two are missing.');
  await press(mei, 'Refuse this evidence');
  await owner.goto(record);
  assert.match(await main(owner), /Two are missing\./);
  assert.equal(await status(owner), 'Suspended');
  await give('All fourteen were trained; see the list of the course.');
  await mei.goto(record);
  await deed(mei, /^Accept the evidence\s*: Train/).click();
  await press(mei, 'The condition is met');
  assert.equal(await status(mei), 'Approved');
  await examine(mei);
  await mei.getByRole('heading', { name: 'Conditions', exact: true }).evaluate((heading) => {
    heading.scrollIntoView({ block: 'start' });
  });
  await screenshot(mei, 'conditions-desktop', { fullPage: false });
});

test('of two who let the same condition go, the second is told and keeps what they wrote', async () => {
  const title = 'Claims letters in plain language';
  const waive = /^Waive the condition\s*: Measure/;
  const [mei, elena] = [await at('Mei Tanaka', title), await at('Elena Petrova', title)];
  for (const page of [mei, elena]) await deed(page, waive).click();
  await reason(mei).fill('The vendor measures it.');
  await reason(elena).fill('Measured by the vendor.');
  const entries = await ledgerSize(demo);
  await press(elena, 'Waive this condition');
  assert.equal(await ledgerSize(demo), entries + 1);
  assert.match(await main(elena), /Measured by the vendor\./);
  await refused(mei, 'Waive this condition', 'The vendor measures it.');
  await examine(mei);
  assert.match(await main(mei), /Measured by the vendor\./, 'what stands now is shown');
});

test('an approval is suspended and reinstated; of two who end it, the first one counts', async () => {
  const title = 'Contract summaries for claims handlers';
  const elena = await at('Elena Petrova', title);
  const record = elena.url();
  assert.equal(await status(elena), 'Approved');
  await deed(elena, 'Suspend the approval').click();
  await press(elena, 'Suspend it');
  assert.match(await elena.title(), /^Error: /, 'it needs a reason');
  await reason(elena).fill('A summary left out an exclusion.');
  await press(elena, 'Suspend it');
  assert.equal(await status(elena), 'Suspended');
  const tomas = await at('Tomás Rivera', title, { on: phone, javaScript: false });
  assert.match(await main(tomas), /A summary left out an exclusion\./);
  await newLetter(demo, { to: 'tomas@harbour.example', subject: /suspended: Contract summaries/ });
  await examine(tomas);
  await deed(elena, 'Reinstate the approval').click();
  await reason(elena).fill('Exclusions are checked by a second reader now.');
  await press(elena, 'Reinstate it');
  assert.equal(await status(elena), 'Approved');

  await deed(elena, 'Revoke the approval').click();
  await reason(elena).fill('It happened again.');
  await tomas.goto(record);
  await deed(tomas, 'Retire the use case').click();
  await examine(tomas);
  await reason(tomas).fill('We do not use it any more.');
  const entries = await ledgerSize(demo);
  await press(tomas, 'Retire it');
  assert.equal(await ledgerSize(demo), entries + 1);
  assert.equal(await status(tomas), 'Retired');
  await refused(elena, 'Revoke it', 'It happened again.');
  await elena.goto(record);
  assert.equal(await status(elena), 'Retired');
  assert.equal(await deed(elena, 'Revoke the approval').count(), 0);
});

test('an override takes two people, and whoever proposed it is never the second', async () => {
  const title = 'Storm hotline assistant';
  const anders = await at('Anders Lund', title);
  const record = anders.url();
  assert.equal(await deed(anders, 'Agree to the override').count(), 0);
  const elena = await at('Elena Petrova', title, { on: phone, javaScript: false });
  assert.match(await main(elena), /A storm is forecast for tonight/);
  await deed(elena, 'Agree to the override').click();
  const agreement = elena.url();
  await examine(elena);
  const own = await anders.goto(agreement);
  assert.ok([403, 409].includes(own.status()), `${own.status()}`);
  await anders.goto(record);
  await deed(anders, 'Decline the override').click();
  await press(elena, 'Let it go ahead');
  assert.match(await main(elena), /Let through until .* by Anders Lund and Elena Petrova/);
  await examine(elena);
  await refused(anders, 'Decline it');
  await newLetter(demo, { to: 'david@harbour.example', subject: /[Oo]verride.*Storm hotline/ });
});
