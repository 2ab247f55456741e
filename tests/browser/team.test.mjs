// A team asks: from a mailed link to a submitted use case, on a phone and on a desktop.
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
import {
  actAs,
  addressOf,
  answer,
  decide,
  HIGH_RISK,
  HIGH_RISK_SECTIONS,
  LOW_RISK,
  questions,
  referenceOf,
  signInByMail,
  signOffLink,
  submitUseCase,
} from './journey.mjs';

/** Longer than any title may be. */
const TOO_LONG = 'x'.repeat(2000);

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

async function expectSound(page) {
  await expectNoAxeViolations(page);
  await expectNoSidewaysScroll(page);
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

const save = (page) => page.getByRole('button', { name: 'Save and continue' }).click();
const sectionsOf = (page) => page.locator('.sections li > :is(a, .title)').allInnerTexts();

for (const [width, device, email] of [
  ['390 px', phone, 'nora@harbour.example'],
  ['1280 px', desktop, 'tomas@harbour.example'],
]) {
  test(`${width}: a team signs in by mail, writes, waits, comes back and submits`, async () => {
    const page = await device(browser);
    await signInByMail(page, demo, email);
    await page.getByRole('link', { name: 'New use case' }).click();

    assert.equal((await questions(page)).length, 8, 'the first form asks eight questions');
    await expectSound(page);

    await answer(page, { title: TOO_LONG, purpose: 'Line one\n<b>line two</b>', owner: 'me' });
    await save(page);
    await expectErrorsAtFields(page);
    await expectSound(page);

    await answer(page, { ...HIGH_RISK, title: `Order of applications, ${width}` });
    await page.getByRole('button', { name: 'Save draft' }).click();
    const reference = referenceOf(page);
    assert.ok(reference, `the draft has a reference: ${page.url()}`);
    await expectSectionsThatAnswersAskFor(page);
    await expectSound(page);

    await page.goto(`${demo.url}/`);
    await page.getByRole('link', { name: `Order of applications, ${width}` }).click();
    await page.getByRole('link', { name: 'Go on with this draft' }).click();
    for (const [key, answers] of Object.entries(HIGH_RISK_SECTIONS)) {
      await page.locator(`.sections a[href$="/draft/${key}"]`).click();
      await answer(page, answers);
      await save(page);
      if (!page.url().endsWith('/draft')) await page.goto(draftOf(reference));
    }
    await page.getByRole('link', { name: 'Check your answers and submit' }).click();
    await expectWhatHappensThen(page);
    await expectSound(page);
    if (device === desktop) await picture(page, 'check-answers-desktop', 'What happens then');

    await page.getByRole('button', { name: 'Submit for review' }).click();
    await page.getByText('In review').first().waitFor();
    await page.getByText(/Data use is with (Mei Tanaka|Samuel Ortiz)/).waitFor();
    await page.getByText(/^Next\b.*Human oversight/).waitFor();
    await expectSound(page);
  });
}

const draftOf = (reference) => `${demo.url}/use-cases/${reference}/draft`;

/** Too long, no address, nothing chosen: all of it comes back as typed, linked to its field. */
async function expectErrorsAtFields(page) {
  const summary = page.getByRole('alert');
  await summary.getByRole('heading', { name: 'There is a problem' }).waitFor();
  assert.equal(await page.locator('#field-title').inputValue(), TOO_LONG);
  assert.equal(await page.locator('#field-purpose').inputValue(), 'Line one\n<b>line two</b>');
  assert.equal(await page.locator('#field-owner').inputValue(), 'me');
  const links = await summary.getByRole('link').all();
  const said = await summary.getByRole('link').allInnerTexts();
  assert.equal(links.length, 7, `title, owner and the five unanswered questions: ${said}`);
  for (const link of links) {
    await link.click();
    const target = (await link.getAttribute('href')).slice(1);
    const focused = await page.evaluate(() => document.activeElement.id);
    assert.equal(focused, target, 'the link moves the focus to its field');
    const described = await page.locator(`.wrong:has(#${target}) .error`).innerText();
    assert.ok(described.length > 0, `${target} says what is wrong`);
  }
}

async function expectSectionsThatAnswersAskFor(page) {
  assert.deepEqual(await sectionsOf(page), [
    'About the use case',
    'The vendor',
    'The data',
    'The people it concerns',
    'More about what it does',
    'Check your answers and submit',
  ]);
  const reasons = await page.locator('.sections .because').allInnerTexts();
  assert.equal(reasons.length, 4, 'each section that appeared says why');
  assert.match(reasons.join('\n'), /vendor[^]*data/i);
}

async function expectWhatHappensThen(page) {
  const then = page.locator('.columns > div').last();
  await then.getByText('High risk').waitFor();
  const rule = 'It uses special-category data, such as health, beliefs or union membership.';
  await then.getByText(rule).waitFor();
  const stages = await then.locator('.steps > li > b').allInnerTexts();
  assert.deepEqual(
    stages.map((text) => text.trim()),
    ['Data use', 'Human oversight', 'Vendor assessment', 'Legal and security', 'CTO and AI council'],
  );
  const asked = await then.locator('.steps > li').allInnerTexts();
  const inOrder = [/Mei Tanaka.*Samuel Ortiz/, /Henrik Dahl/, /Jonas/, /Ingrid/, /Grace Mbeki/];
  inOrder.forEach((names, at) => assert.match(asked[at].replaceAll('\n', ' '), names));
}

async function picture(page, name, heading) {
  if (heading) await page.getByRole('heading', { name: heading }).scrollIntoViewIfNeeded();
  await screenshot(page, name, { fullPage: false });
}

test('a section that no answer asks for any more goes again, with its reason', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Tomás Rivera');
  await page.goto(`${demo.url}/use-cases/new`);
  await answer(page, { ...LOW_RISK, title: 'Comes and goes', data_classes: ['personal'] });
  await save(page);
  const reference = referenceOf(page);
  await page.goto(draftOf(reference));
  assert.ok((await sectionsOf(page)).includes('The data'));
  await page.goto(`${draftOf(reference)}/about`);
  await answer(page, { data_classes: ['public'] });
  await save(page);
  await page.goto(draftOf(reference));
  assert.ok(!(await sectionsOf(page)).includes('The data'));
});

test('a use case is withdrawn with a reason that its page and its approvers see', async () => {
  const page = await phone(browser);
  await actAs(page, demo, 'Tomás Rivera');
  const title = 'Taken back again';
  const reference = await submitUseCase(page, demo, { ...LOW_RISK, title });
  const link = await signOffLink(demo, 'mei@harbour.example', reference);
  await page.getByText('Take this use case back').click();
  await page.getByLabel(/^Reason/).fill('The budget is gone.');
  await page.getByRole('button', { name: `Withdraw ${reference}` }).click();
  await page.locator('.states').getByText('Withdrawn').waitFor();
  await page.getByText('The budget is gone.').first().waitFor();
  await expectSound(page);
  const theirs = await phone(browser, { javaScript: false });
  await theirs.goto(link);
  await theirs.getByRole('heading', { name: 'This request was withdrawn' }).waitFor();
});

test('a request for changes is answered with a new revision, and the difference shown', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Tomás Rivera');
  const title = 'Needs a second look';
  const reference = await submitUseCase(page, demo, { ...LOW_RISK, title });
  const link = await signOffLink(demo, 'samuel@harbour.example', reference);
  const theirs = await phone(browser, { javaScript: false });
  await theirs.goto(link);
  await decide(theirs, 'request_changes', { reason: 'Which account is it?' });
  await theirs.getByRole('heading', { name: 'Your decision is recorded' }).waitFor();

  await page.goto(`${demo.url}/`);
  await page.locator('#needs-me').getByText('What needs you').waitFor();
  const mine = page.getByRole('region', { name: 'What needs you' });
  await mine.getByRole('link', { name: title }).click();
  await page.getByRole('heading', { name: 'Changes are asked for' }).waitFor();
  await page.getByText('Which account is it?').first().waitFor();
  await page.getByRole('link', { name: 'Change my answers' }).click();
  await page.getByRole('link', { name: 'About the use case' }).click();
  await answer(page, { tool: 'Northlight Assistant, enterprise account' });
  await save(page);
  await page.goto(`${demo.url}/use-cases/${reference}/check`);
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await page.getByText('In review').first().waitFor();
  await page.getByRole('link', { name: /^Changes since 1/ }).click();
  await page.getByRole('heading', { name: 'What changed from revision 1 to revision 2' }).waitFor();
  assert.equal(await page.locator('del').innerText(), 'Northlight Assistant');
  assert.equal(await page.locator('ins').innerText(), 'Northlight Assistant, enterprise account');
  await expectSound(page);
});

test('pictures of the use case, the register and the dark theme', async () => {
  const page = await desktop(browser);
  await actAs(page, demo, 'Tomás Rivera');
  await page.goto(await addressOf(page, demo, 'Contract summaries for claims handlers'));
  await picture(page, 'use-case-desktop');
  await page.goto(`${demo.url}/use-cases`);
  await picture(page, 'register-desktop');
  const dark = await phone(browser, { dark: true });
  await actAs(dark, demo, 'Tomás Rivera');
  await dark.goto(await addressOf(dark, demo, 'Search in old claim files'));
  await picture(dark, 'use-case-dark-phone');
});
