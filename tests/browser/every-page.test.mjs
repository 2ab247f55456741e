// Every page somebody can reach: accessible in both themes and at both widths, at home on its own
// host, without complaints, and never wider than a small phone.
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
  startDemo,
} from './harness.mjs';
import {
  actAs,
  addressOf,
  decide,
  letters,
  LOW_RISK,
  signOffLink,
  submitUseCase,
  text,
} from './journey.mjs';

/** Pages that differ only in which record they show are one kind; so many of each are opened. */
const OF_EACH_KIND = 14;

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

/** Asks everything of the page that stands in the window, in both themes. */
async function examine(page) {
  await expectNoSidewaysScroll(page);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await expectNoAxeViolations(page);
    // What is folded away in the light is unfolded in the dark.
    await page.evaluate(() => {
      for (const folded of document.querySelectorAll('details')) folded.open = true;
    });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

async function expectFits320(page) {
  const { width, height } = page.viewportSize();
  await page.setViewportSize({ width: 320, height });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width, height });
}

/** Examines the address on the phone and on the desktop; `make` brings the page about. */
async function examineBoth(make) {
  for (const page of [small, large]) {
    await make(page);
    await examine(page);
    if (page === small) await expectFits320(page);
  }
}

/** What the page is made of, so that the same page about another record is not examined again. */
function shape(page) {
  return page.evaluate(() => {
    const name = (element) => `${element.localName}.${[...element.classList].sort().join('.')}`;
    const parts = [...document.querySelectorAll('body *')].map(
      (element) => `${name(element.parentElement)}>${name(element)}`,
    );
    return [...new Set(parts)].sort().join(' ');
  });
}

/** `/use-cases/AI-2026-0001?q=a` and `/use-cases/AI-2026-0002?q=b` are one kind of page. */
function kindOf(url) {
  const { pathname, searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())].sort().join('&');
  const path = pathname.replace(/[A-Z]+-\d{4}-\d+|[0-9a-f-]{36}/g, '*').replace(/\/\d+/g, '/#');
  return `${path}?${names}`;
}

const seenShapes = new Set();

/** Walks from the start page over all links; returns what was opened and what was examined. */
async function walk() {
  const [waiting, known, opened] = [[`${demo.url}/`], new Set(), new Map()];
  const examined = [];
  while (waiting.length > 0) {
    const url = waiting.shift();
    const kind = kindOf(url);
    if ((opened.get(kind) ?? 0) >= (kind.endsWith('?') ? OF_EACH_KIND : 1)) continue;
    opened.set(kind, (opened.get(kind) ?? 0) + 1);
    const response = await large.goto(url);
    assert.equal(response.status(), 200, url);
    const links = await large.evaluate(() => [...document.links].map((link) => link.href));
    for (const link of links.map((href) => href.replace(/#.*/, ''))) {
      const ours = link.startsWith(`${demo.url}/`) && !/\/demo\/mailbox\//.test(link);
      if (ours && !known.has(link)) waiting.push(link);
      known.add(link);
    }
    const seen = `${kind} ${await shape(large)}`;
    if (seenShapes.has(seen)) continue;
    seenShapes.add(seen);
    await examine(large);
    await small.goto(url);
    await examine(small);
    await expectFits320(small);
    examined.push(kind);
  }
  return examined;
}

for (const [role, name, must] of [
  ['a submitter', 'Tomás Rivera', ['/use-cases/new?', '/use-cases/*/check?', '/workflows?', '/profile?']],
  ['an approver', 'Mei Tanaka', ['/tasks?', '/tasks/*?']],
  ['an auditor', 'David Cohen', ['/log?']],
  ['an administrator', 'Sofia Rossi', ['/people?', '/people/*?']],
]) {
  test(`every page that ${role} can reach`, async () => {
    for (const page of [small, large]) await actAs(page, demo, name);
    const examined = await walk();
    for (const kind of must) assert.ok(examined.includes(kind), `${kind} not in ${examined}`);
  });
}

test('the pages of a draft, of its errors and of its check', async () => {
  for (const page of [small, large]) await actAs(page, demo, 'Tomás Rivera');
  await examineBoth(async (page) => {
    await page.goto(`${demo.url}/use-cases/new`);
    await page.getByRole('button', { name: 'Save and continue' }).click();
    await page.getByText('There is a problem').waitFor();
  });
  const draft = await addressOf(large, demo, 'Assistant for brokers');
  for (const path of ['draft', 'draft/about', 'check']) {
    await examineBoth((page) => page.goto(`${draft}/${path}`));
  }
});

test('the pages of those who are not signed in, and of what is not there', async () => {
  for (const page of [small, large]) await page.context().clearCookies();
  const open = ['/sign-in', '/sign-in/sent', '/sign-in/not-a-token', '/demo', '/demo/mailbox'];
  for (const path of open) {
    await examineBoth((page) => page.goto(demo.url + path));
  }
  await examineBoth(async (page) => {
    await page.goto(`${demo.url}/sign-in`);
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByText('There is a problem').waitFor();
  });
  const [letter] = await letters(demo);
  await examineBoth((page) => page.goto(`${demo.url}/demo/mailbox/${letter.id}`));
  for (const page of [small, large]) await actAs(page, demo, 'Tomás Rivera');
  for (const path of ['/nowhere', '/use-cases/AI-1999-0001', '/log']) {
    await examineBoth((page) => page.goto(demo.url + path));
    await large.getByText('What you can do').waitFor();
  }
});

/** Fills the form that notes an absence on the page that stands in the window. */
async function noteAbsence(page, from, until, delegate = '') {
  const form = page.locator('form[action$="/absences"]');
  await form.locator('[name=from]').fill(from);
  await form.locator('[name=until]').fill(until);
  await form.locator('[name=delegate]').fill(delegate);
  await form.getByRole('button', { name: 'Note this absence' }).click();
}

test('the pages of an absence, of a mistake in it, and of who left', async () => {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  for (const page of [small, large]) await actAs(page, demo, 'Nora Okafor');
  await examineBoth(async (page) => {
    await page.goto(`${demo.url}/profile`);
    await noteAbsence(page, day(40), day(30), 'nobody@harbour.example');
    await page.getByText('There is a problem').waitFor();
  });
  await large.goto(`${demo.url}/profile`);
  await noteAbsence(large, day(30), day(40), 'pavel@harbour.example');
  await large.getByRole('link', { name: 'Pavel Novák' }).waitFor();
  await examineBoth((page) => page.goto(`${demo.url}/profile`));
  for (const page of [small, large]) await actAs(page, demo, 'Sofia Rossi');
  await large.goto(`${demo.url}/people?q=pavel`);
  await large.getByRole('link', { name: 'Pavel Novák' }).click();
  const pavel = large.url();
  await large.getByText('Stands in for Nora Okafor').waitFor();
  await large.locator('summary', { hasText: 'leaves the organisation' }).click();
  await large.getByText('1 absence loses who stands in').waitFor();
  await large.getByRole('button', { name: 'Note that Pavel Novák left' }).click();
  await large.getByRole('button', { name: 'Note that Pavel Novák came back' }).waitFor();
  await examineBoth((page) => page.goto(pavel));
  await examineBoth((page) => page.goto(`${demo.url}/people?state=left`));
  await large.getByRole('link', { name: 'Pavel Novák' }).waitFor();
});

test('a mail as a mail program shows it', async () => {
  const kinds = [/your decision on/, /Receipt/, /changes/i, /approved/i];
  for (const device of [phone, desktop]) {
    const page = await device(browser);
    for (const subject of kinds) {
      const [letter] = await letters(demo, { subject });
      // Its own page runs no script at all, so axe could not look at it there.
      await page.setContent(await text(`${demo.url}/demo/mailbox/${letter.id}/html`));
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await expectNoAxeViolations(page);
      }
      await expectFits320(page);
      expectOnlyOwnHost(page, demo.url);
    }
  }
});

test('the pages of a sign-off link in each of its states', async () => {
  for (const page of [small, large]) await actAs(page, demo, 'Tomás Rivera');
  const title = 'Every state of a link';
  const reference = await submitUseCase(large, demo, { ...LOW_RISK, title });
  const [mine, other] = [
    await signOffLink(demo, 'mei@harbour.example', reference),
    await signOffLink(demo, 'samuel@harbour.example', reference),
  ];
  await examineBoth((page) => page.goto(mine));
  await examineBoth(async (page) => {
    await page.goto(mine);
    await decide(page, 'approve_with_conditions');
    await page.getByText('There is a problem').waitFor();
  });
  await decide(large, 'request_changes', { reason: 'Say more.' });
  await examineBoth((page) => page.goto(mine));
  await large.getByText('Your decision is recorded').waitFor();
  await examineBoth((page) => page.goto(other));
  await large.getByText('This question was replaced').waitFor();
  await examineBoth((page) => page.goto(`${demo.url}/s/unknown`));
  await examineBoth(async (page) => {
    await page.goto(`${demo.url}/s/unknown`);
    await page.getByRole('button', { name: 'Mail a new link' }).click();
  });
});

test('the pages of a stage that others decided and of a request that was withdrawn', async () => {
  for (const page of [small, large]) await actAs(page, demo, 'Tomás Rivera');
  const settled = await submitUseCase(large, demo, { ...LOW_RISK, title: 'Settled' });
  await large.goto(await signOffLink(demo, 'mei@harbour.example', settled));
  await decide(large, 'reject', { reason: 'No.' });
  const late = await signOffLink(demo, 'samuel@harbour.example', settled);
  await examineBoth((page) => page.goto(late));
  await large.getByText('This stage was decided without you').waitFor();
  const taken = await submitUseCase(large, demo, { ...LOW_RISK, title: 'Taken back' });
  const link = await signOffLink(demo, 'mei@harbour.example', taken);
  await large.goto(`${demo.url}/use-cases/${taken}`);
  await large.getByText('Take this use case back').click();
  await large.getByRole('button', { name: `Withdraw ${taken}` }).click();
  await large.locator('.states').getByText('Withdrawn').waitFor();
  await examineBoth((page) => page.goto(link));
  await large.getByText('This request was withdrawn').waitFor();
});
