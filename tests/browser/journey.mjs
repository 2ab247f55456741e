// What people do in the demo, in the words of the pages: sign in, answer, read mail, decide.
import assert from 'node:assert/strict';
import { poll } from './harness.mjs';

/** Long enough for a mail on a machine that does many other things. */
const MAIL_MS = 60_000;

/** Becomes somebody by the demo's own page. */
export async function actAs(page, demo, name) {
  await page.goto(`${demo.url}/demo`);
  await page.getByRole('button', { name: `Act as ${name}`, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Signs in as people do outside of the demo: by the link in a mail. */
export async function signInByMail(page, demo, email) {
  const wanted = { to: email, subject: /^Sign in to/ };
  const before = await letters(demo, wanted);
  await page.goto(`${demo.url}/sign-in`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Send me a link' }).click();
  await page.getByRole('link', { name: 'Open the mailbox of the demo' }).click();
  const letter = await newLetter(demo, wanted, before);
  await page.goto(`${demo.url}/demo/mailbox/${letter.id}`);
  await page.locator('pre a', { hasText: '/sign-in/' }).click();
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/**
 * Gives answers by the names of the form's fields: text, a choice, or a list of choices.
 * A list takes away what is not in it.
 */
export async function answer(page, answers) {
  for (const [name, value] of Object.entries(answers)) {
    const field = page.locator(`main form [name="${name}"]:not([type=hidden])`);
    const kind = await field.first().getAttribute('type');
    if (kind === 'radio') {
      await page.locator(`[name="${name}"][value="${value}"]`).check();
    } else if (kind === 'checkbox') {
      for (const box of await field.all()) {
        await box.setChecked(value.includes(await box.getAttribute('value')));
      }
    } else {
      await field.fill(value);
    }
  }
}

/** Texts of the questions that a form asks, in order. */
export function questions(page) {
  return page.locator('.question > legend, .question > label.field').allInnerTexts();
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#x3D': '=', '#x60': '`' };

function plain(html) {
  const text = html.replace(/<[^>]*>/g, '');
  return text.replace(/&([^;\s]+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

const LETTER =
  /<td>([^<]*)<br><span[^>]*>([^<]*)<\/span><\/td>.*?\/demo\/mailbox\/([^"]+)">(.*?)<\/a>/g;

/** The mails to somebody, the newest first: `{ id, address, subject }`. */
export async function letters(demo, { to, subject = /./ } = {}) {
  const html = await text(`${demo.url}/demo/mailbox`);
  const all = [...html.matchAll(LETTER)].map(([, , address, id, words]) => ({
    id,
    address: plain(address),
    subject: plain(words),
  }));
  return all.filter((one) => (!to || one.address === to) && subject.test(one.subject));
}

/** Waits for a mail that was not among `before`, and opens it. */
export async function newLetter(demo, wanted, before = []) {
  const known = new Set(before.map((letter) => letter.id));
  const found = await poll(MAIL_MS, async () => {
    const [newest] = (await letters(demo, wanted)).filter((letter) => !known.has(letter.id));
    return newest;
  });
  assert.ok(found, `no mail to ${wanted.to} about ${wanted.subject}`);
  return { ...found, text: plain(await text(`${demo.url}/demo/mailbox/${found.id}`)) };
}

/** The sign-off link in the newest mail to somebody about a reference. */
export async function signOffLink(demo, to, reference, before = []) {
  const subject = new RegExp(`\\[${reference}\\].*your decision on`);
  const letter = await newLetter(demo, { to, subject }, before);
  const [link] = letter.text.match(/https?:\/\/\S+\/s\/\S+/) ?? [];
  assert.ok(link, `no link in the mail to ${to}:\n${letter.text}`);
  return link;
}

/** Chooses, answers the stage's form, gives a reason, presses the button. */
export async function decide(page, choice, { answers = {}, reason } = {}) {
  await page.locator(`[name="_choice"][value="${choice}"]`).check();
  await answer(page, answers);
  if (reason) await page.getByLabel('Reason', { exact: true }).fill(reason);
  await page.getByRole('button', { name: 'Record my decision' }).click();
}

/** Entries in the ledger. */
export async function ledgerSize(demo) {
  const response = await fetch(new URL('/readyz', demo.url));
  return (await response.json()).entries;
}

/** Fetches a page and returns its text. */
export async function text(url, options) {
  const response = await fetch(url, options);
  const body = await response.text();
  assert.ok(response.ok, `${url} answers ${response.status}: ${body.slice(0, 400)}`);
  return body;
}

/** Reference of the record whose page, draft or check is shown. */
export function referenceOf(page) {
  return page.url().match(/AI-\d+-\d+/)?.[0];
}

/** Address of the page of a use case of the demo, found by its title in the register. */
export async function addressOf(page, demo, title) {
  await page.goto(`${demo.url}/use-cases`);
  const link = page.getByRole('link', { name: title, exact: true });
  return new URL(await link.getAttribute('href'), demo.url).href;
}

/** What a team writes for a use case of low risk: exactly the first eight answers. */
export const LOW_RISK = {
  title: 'Summaries of public tenders',
  purpose: 'Summarise tenders that anybody can read.\nA buyer reads each one before use.',
  owner: 'tomas@harbour.example',
  tool: 'Northlight Assistant',
  sourcing: 'in_house',
  data_classes: ['public'],
  uses: ['summarising'],
  effect_on_people: 'none',
};

/** What makes the first answers a use case of high risk from a vendor nobody has assessed. */
export const HIGH_RISK = {
  ...LOW_RISK,
  title: 'Order of applications for reading',
  sourcing: 'vendor',
  data_classes: ['personal', 'special_category'],
  uses: ['hiring', 'summarising'],
  effect_on_people: 'significant',
};

/** Answers of the sections that `HIGH_RISK` makes appear, by the key of the section. */
export const HIGH_RISK_SECTIONS = {
  vendor: {
    vendor: 'Northlight AI',
    vendor_assessed: 'false',
    trains_on_our_data: 'false',
    cost_eur_per_year: '12000',
  },
  data: {
    data_subjects: 'People who apply',
    lawful_basis: 'legitimate_interests',
    retention: 'Six months',
    data_location: 'eu',
  },
  people: {
    human_oversight: 'A recruiter reads every application.',
    people_affected: 'About 300 applicants a year',
    appeal: 'Everybody can ask to be read again by another person.',
  },
  purpose_details: { test_plan: 'Against the order of last year, by group.' },
};

/** Writes and submits a use case as whoever is signed in; returns its reference. */
export async function submitUseCase(page, demo, first, sections = {}) {
  await page.goto(`${demo.url}/use-cases/new`);
  await answer(page, first);
  await page.getByRole('button', { name: 'Save and continue' }).click();
  const reference = referenceOf(page);
  for (const [key, answers] of Object.entries(sections)) {
    await page.goto(`${demo.url}/use-cases/${reference}/draft/${key}`);
    await answer(page, answers);
    await page.getByRole('button', { name: 'Save and continue' }).click();
  }
  await page.goto(`${demo.url}/use-cases/${reference}/check`);
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await page.waitForURL(`**/use-cases/${reference}`);
  return reference;
}
