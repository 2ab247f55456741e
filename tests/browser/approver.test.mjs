// An approver decides from the mail: on a phone, without an account, without JavaScript.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
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
  answer,
  decide,
  HIGH_RISK,
  HIGH_RISK_SECTIONS,
  ledgerSize,
  letters,
  LOW_RISK,
  newLetter,
  signOffLink,
  submitUseCase,
} from './journey.mjs';

const DATA_USE = {
  data_needed: 'yes',
  lawful: 'yes',
  destination: 'contract',
  impact_assessment: 'not_needed',
};
const OVERSIGHT = {
  who_checks: 'every_output',
  can_judge: 'yes',
  can_stop: 'true',
  people_told: 'yes',
};
const VENDOR = {
  evidence: ['contract', 'certificate'],
  training_on_data: 'excluded',
  sub_processors: 'yes',
  exit: 'Everything can be exported; three months of notice.',
};
const LEGAL = { side: 'legal' };
const LEGAL_MORE = { ai_act_class: 'high_risk', duties: 'Registration, logs, human oversight.' };
const SECURITY = { side: 'security' };
const SECURITY_MORE = {
  access: 'single_sign_on',
  threats: ['prompt_injection'],
  countermeasures: 'No tool calls.',
};
const COUNCIL = {
  benefit: 'Everybody is read sooner.',
  harm: 'A good application is read late.',
  prohibited: 'no',
};

let demo;
let browser;
let team;

before(async () => {
  demo = await startDemo();
  browser = await openBrowser();
  team = await desktop(browser);
  await actAs(team, demo, 'Tomás Rivera');
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const stranger = () => phone(browser, { javaScript: false });
const mail = (who) => `${who}@harbour.example`;

async function open(link) {
  const page = await stranger();
  const response = await page.goto(link);
  return [page, response.status()];
}

async function expectSound(page) {
  await expectNoAxeViolations(page);
  await expectNoSidewaysScroll(page);
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const recorded = (page) => heading(page, 'Your decision is recorded');

/** Asks for changes and answers them, so that somebody is asked about a second revision. */
async function secondRevision(title) {
  const about = { ...LOW_RISK, title, data_classes: ['personal'] };
  const { data } = HIGH_RISK_SECTIONS;
  const reference = await submitUseCase(team, demo, about, { data });
  const first = await signOffLink(demo, mail('mei'), reference);
  const known = await letters(demo, { to: mail('mei') });
  const [asking] = await open(await signOffLink(demo, mail('samuel'), reference));
  await decide(asking, 'request_changes', { reason: 'Say how long it is kept.' });
  await recorded(asking);
  await team.goto(`${demo.url}/use-cases/${reference}/draft/data`);
  await answer(team, { retention: 'Ninety days, then deleted' });
  await team.getByRole('button', { name: 'Save and continue' }).click();
  await team.goto(`${demo.url}/use-cases/${reference}/check`);
  await team.getByRole('button', { name: 'Submit for review' }).click();
  await team.waitForURL(`**/use-cases/${reference}`);
  const link = await signOffLink(demo, mail('mei'), reference, known);
  return { reference, first, link };
}

test('the page of a link says who, what, why, what changed and what was decided', async () => {
  const { reference, first, link } = await secondRevision('Notes of calls');
  const [page, status] = await open(link);
  assert.equal(status, 200);
  await heading(page, 'You are asked to decide: Notes of calls');
  await page.getByText('For Mei Tanaka (m•').waitFor();
  const words = await page.locator('main').innerText();
  for (const part of [
    reference,
    'Asked by Tomás Rivera',
    'Medium risk It uses personal data.',
    'Changed since revision 2',
    'Samuel Ortiz',
    'Say how long it is kept.',
  ]) {
    assert.ok(words.includes(part), `the page says “${part}”:\n${words}`);
  }
  assert.equal(await page.locator('del').innerText(), 'Six months');
  assert.equal(await page.locator('ins').innerText(), 'Ninety days, then deleted');

  await team.goto(`${demo.url}/use-cases/${reference}`);
  const digest = await team.locator('code.hash').first().innerText();
  assert.match(words, new RegExp(`Revision 3, digest\\s+${digest}`), 'what is signed');
  assert.equal(await page.locator('input:checked').count(), 0, 'nothing is preselected');
  await expectSound(page);
  await screenshot(page, 'sign-off-phone', { fullPage: false });

  const [old, gone] = await open(first);
  assert.equal(gone, 410);
  await heading(old, 'This question was replaced');
  await expectSound(old);
});

test('pressing the button without a choice, or without the form, changes nothing', async () => {
  const reference = await submitUseCase(team, demo, { ...LOW_RISK, title: 'In a hurry' });
  const [page] = await open(await signOffLink(demo, mail('mei'), reference));
  const before = await ledgerSize(demo);
  await page.getByLabel('Reason', { exact: true }).fill('Typed before choosing');
  await page.getByRole('button', { name: 'Record my decision' }).click();
  await page.getByRole('link', { name: 'Choose what you decide' }).click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'choices');
  assert.equal(await page.locator('#reason').inputValue(), 'Typed before choosing');
  await expectSound(page);

  await decide(page, 'approve', { answers: { data_needed: 'yes' } });
  const complaints = await page.getByRole('alert').getByRole('link').allInnerTexts();
  assert.equal(complaints.length, 3, `three answers are missing: ${complaints}`);
  assert.ok(await page.locator('[name=_choice][value=approve]').isChecked(), 'as it was chosen');
  await expectSound(page);

  await decide(page, 'reject', { reason: ' ' });
  await page.getByRole('alert').getByRole('link').first().click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'reason');
  assert.equal(await ledgerSize(demo), before, 'nothing was recorded');
});

test('a decision gets a receipt as a page and as a mail, and its link keeps showing it', async () => {
  const reference = await submitUseCase(team, demo, { ...LOW_RISK, title: 'To be approved' });
  const link = await signOffLink(demo, mail('mei'), reference);
  const others = await signOffLink(demo, mail('samuel'), reference);
  const [page] = await open(link);
  await decide(page, 'approve', { answers: DATA_USE });
  await recorded(page);
  const words = await page.locator('main').innerText();
  for (const part of [reference, 'Data use', 'Mei Tanaka, by mail link', 'Ledger entry']) {
    assert.ok(words.includes(part), `the receipt says “${part}”:\n${words}`);
  }
  await expectSound(page);
  const [, leaf] = await page.locator('code.hash').allInnerTexts();
  const subject = new RegExp(`\\[${reference}\\] Receipt: you approved`);
  const receipt = await newLetter(demo, { to: mail('mei'), subject });
  assert.ok(receipt.text.replace(/\s/g, '').includes(leaf), 'the mail carries the leaf hash');

  const size = await ledgerSize(demo);
  const [again, status] = await open(link);
  assert.equal(status, 200);
  await recorded(again);
  const facts = (text) => text.split(/^(?:Being sealed|Sealed)$/m)[0];
  const later = await again.locator('main').innerText();
  assert.equal(facts(later), facts(words), 'the same receipt');
  assert.match(later, /^Sealed$/m, 'which a signed checkpoint covers by now');
  const [file] = await Promise.all([
    again.waitForEvent('download'),
    again.getByRole('link', { name: 'Download the receipt' }).click(),
  ]);
  const proof = await readFile(await file.path(), 'utf8');
  assert.match(proof, /c2sp.org\/tlog-proof@v1/, 'a proof that stands by itself');
  const [late, gone] = await open(others);
  assert.equal(gone, 410);
  await heading(late, 'This stage was decided without you');
  await expectSound(late);
  assert.equal(await ledgerSize(demo), size, 'looking changed nothing');
});

test('somebody may step aside, with a reason, and another person is asked', async () => {
  const reference = await submitUseCase(team, demo, { ...LOW_RISK, title: 'A conflict' });
  const [page] = await open(await signOffLink(demo, mail('mei'), reference));
  await decide(page, 'recuse', { reason: 'My sister sells it.' });
  await recorded(page);
  await page.getByText('My sister sells it.').waitFor();
});

test('an approval with conditions names what, who and when', async () => {
  const title = 'With a string attached';
  const reference = await submitUseCase(team, demo, { ...LOW_RISK, title });
  const [page] = await open(await signOffLink(demo, mail('mei'), reference));
  await page.locator('[value=approve_with_conditions]').check();
  await answer(page, DATA_USE);
  await page.locator('#condition-1').fill('Prompts are deleted within 30 days');
  await page.locator('#condition-1-owner').fill('tomas@harbour.example');
  await page.locator('#condition-1-due').fill('31 January');
  await page.locator('#reason').fill('They hold names.');
  await page.getByRole('button', { name: 'Record my decision' }).click();
  await page.getByRole('alert').getByRole('link').first().click();
  assert.match(await page.evaluate(() => document.activeElement.id), /^condition-1/);
  assert.equal(await page.locator('#condition-1-due').inputValue(), '31 January', 'as typed');
  await expectSound(page);
  await page.locator('#condition-1-due').fill('2099-01-31');
  await page.getByRole('button', { name: 'Record my decision' }).click();
  await recorded(page);
  await page.getByText('Prompts are deleted within 30 days').first().waitFor();
  await team.goto(`${demo.url}/use-cases/${reference}`);
  const conditions = team.getByRole('listitem').filter({ hasText: 'attached by' });
  const owed = conditions.filter({ hasText: 'Prompts are deleted' });
  const words = /Tomás Rivera does it, by 31 Jan 2099 · attached by Mei Tanaka, Data use/;
  assert.match(await owed.innerText(), words);
});

test('an unknown link has a page that offers a new one and tells nothing', async () => {
  const [page, status] = await open(`${demo.url}/s/${'A'.repeat(43)}`);
  assert.equal(status, 410);
  await heading(page, 'This link no longer works');
  await expectSound(page);
  await page.getByRole('button', { name: 'Mail a new link' }).click();
  await heading(page, 'Look into your mail');
  await expectSound(page);
});

/** Who decides in which stage of a use case of high risk, and with which answers. */
const ALL_STAGES = [
  ['mei', DATA_USE],
  ['henrik', OVERSIGHT],
  ['ruth', OVERSIGHT],
  ['jonas', VENDOR],
  ['ingrid', LEGAL, LEGAL_MORE],
  ['yusuf', SECURITY, SECURITY_MORE],
  ['chloe', SECURITY, SECURITY_MORE],
];

/** The council signs in: for high risk the policy does not let a mail alone decide. */
const COUNCIL_PEOPLE = ['Grace Mbeki', 'Leila Haddad', 'Oscar Lind'];

test('form to approved through all five stages, signed in for the last one only', async () => {
  const title = 'Through every stage';
  const first = { ...HIGH_RISK, title };
  const reference = await submitUseCase(team, demo, first, HIGH_RISK_SECTIONS);
  const page = await stranger();
  for (const [who, answers, more] of ALL_STAGES) {
    await page.goto(await signOffLink(demo, mail(who), reference));
    const reason = 'It was weighed.';
    await decide(page, 'approve', { answers, reason });
    // Without JavaScript the questions that an answer asks for come with the page's own reply.
    if (more) await decide(page, 'approve', { answers: more, reason });
    await recorded(page);
  }
  assert.deepEqual(await page.context().cookies(), [], 'nobody was ever signed in');
  const council = await desktop(browser);
  for (const name of COUNCIL_PEOPLE) {
    const [who] = name.toLowerCase().split(' ');
    const link = await signOffLink(demo, mail(who), reference);
    await page.goto(link);
    assert.equal(await page.getByRole('button', { name: 'Record my decision' }).count(), 0);
    await actAs(council, demo, name);
    await council.goto(`${demo.url}/tasks`);
    await council.getByRole('link', { name: new RegExp(title) }).first().click();
    await decide(council, 'approve', { answers: COUNCIL, reason: 'It was weighed.' });
    await recorded(council);
  }
  await team.goto(`${demo.url}/use-cases/${reference}`);
  await team.locator('.states').getByText('Approved', { exact: true }).first().waitFor();
  await expectOneEntryEach(reference);
});

/** Every state change of the case above has one entry, and nothing else has. */
async function expectOneEntryEach(reference) {
  const auditor = await desktop(browser);
  await actAs(auditor, demo, 'David Cohen');
  await auditor.goto(`${demo.url}/log?record=${reference}`);
  const entries = await auditor.locator('tbody tr td:nth-child(3)').allInnerTexts();
  const lines = entries.map((text) => text.replaceAll('\n', ': ')).reverse();
  const count = (wanted) => lines.filter((line) => line.includes(wanted)).length;
  const stages = [
    ['Data use', 1],
    ['Human oversight', 2],
    ['Vendor assessment', 1],
    ['Legal and security', 3],
    ['CTO and AI council', 3],
  ];
  for (const [stage, decisions] of stages) {
    assert.equal(count(`${stage}: opened`), 1, lines.join('\n'));
    assert.equal(count(`${stage}: approved`), decisions + 1, 'each decision, and the stage itself');
  }
  const decided = stages.reduce((sum, [, decisions]) => sum + decisions, 0);
  const revisions = 1 + Object.keys(HIGH_RISK_SECTIONS).length;
  assert.equal(count('revision') - count('Submitted'), revisions, 'one for each saved revision');
  assert.equal(count('Submitted'), 1);
  assert.equal(count('The review ended: approved'), 1);
  assert.equal(lines.length, revisions + 1 + 5 * 2 + decided + 1, lines.join('\n'));
}
