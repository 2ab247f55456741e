// An auditor reads the log, filters it, and takes away exactly what stands on the screen.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
import { actAs, addressOf, ledgerSize } from './journey.mjs';

const STORY = 'Contract summaries for claims handlers';

let demo;
let browser;
let page;
let folder;
let story;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-log-'));
  demo = await startDemo();
  browser = await openBrowser();
  page = await desktop(browser);
  await actAs(page, demo, 'David Cohen');
  story = path.basename(await addressOf(page, demo, STORY));
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await rm(folder, { recursive: true, force: true });
});

const cells = (column) =>
  page.locator(`tbody tr td:nth-child(${column})`).evaluateAll((all) =>
    all.map((cell) => cell.innerText.trim()),
  );

/** The numbers of all entries that the filter shows, over all pages, and each row's words. */
async function onScreen() {
  const rows = [];
  for (;;) {
    const [numbers, texts] = [await cells(1), await page.locator('tbody tr').allInnerTexts()];
    rows.push(...numbers.map((seq, at) => ({ seq: Number(seq), text: texts[at] })));
    const older = page.getByRole('link', { name: 'Older entries' });
    if (!(await older.count())) return rows;
    await older.click();
  }
}

async function filterBy(fields) {
  await page.goto(`${demo.url}/log`);
  for (const [label, value] of Object.entries(fields)) {
    const field = page.getByLabel(label, { exact: true });
    if ((await field.evaluate((element) => element.tagName)) === 'SELECT') {
      await field.selectOption({ label: value });
    } else {
      await field.fill(value);
    }
  }
  await page.getByRole('button', { name: 'Filter' }).click();
}

async function download(name) {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name }).click(),
  ]);
  const to = path.join(folder, file.suggestedFilename());
  await file.saveAs(to);
  return to;
}

/** CSV by RFC 4180, for what a test needs. */
function rowsOf(csv) {
  const rows = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g;
  for (const [, quoted, bare, end] of csv.matchAll(cell)) {
    rows.at(-1).push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  const [header, ...body] = rows.filter((row) => row.length > 1);
  return body.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])));
}

async function seqsOfCsv() {
  const csv = await readFile(await download(/^CSV/), 'utf8');
  return rowsOf(csv.replace(/^\uFEFF/, '')).map((row) => Number(row.seq));
}

async function seqsOfJsonLines() {
  const text = await readFile(await download(/^JSON Lines/), 'utf8');
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
  return lines.filter((line) => line.entry !== undefined).map((line) => JSON.parse(line.entry).seq);
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

const FILTERS = [
  ['a record', () => ({ Reference: story }), (row) => row.text.includes(story)],
  ['a person', { 'Person (e-mail address)': 'mei@harbour.example' }, (row) =>
    row.text.includes('Mei Tanaka')],
  ['a stage', { Stage: 'Legal and security' }, (row) => row.text.includes('Legal and security')],
  ['an outcome', { Decision: 'Requested changes' }, (row) =>
    row.text.includes('requested changes')],
  ['an outcome in a stage', { Stage: 'CTO and AI council', Decision: 'Rejected' }, (row) =>
    row.text.includes('CTO and AI council')],
];

test('a picture of the decision log', async () => {
  await filterBy({ Reference: story });
  await screenshot(page, 'decision-log-desktop', { fullPage: false });
});

for (const [what, fields, holds] of FILTERS) {
  test(`filtered by ${what}, the files hold the very rows on the screen`, async () => {
    await filterBy(typeof fields === 'function' ? fields() : fields);
    const address = page.url();
    const rows = await onScreen();
    assert.ok(rows.length > 0, 'the demo has such entries');
    for (const row of rows) assert.ok(holds(row), `entry ${row.seq}: ${row.text}`);
    await page.goto(address);
    const seqs = sorted(rows.map((row) => row.seq));
    assert.deepEqual(sorted(await seqsOfCsv()), seqs);
    assert.deepEqual(sorted(await seqsOfJsonLines()), seqs);
  });
}

test('filtered by days, the first and the last day are included', async () => {
  await page.goto(`${demo.url}/log`);
  const all = await page.locator('tbody time').evaluateAll((times) => times.map((t) => t.dateTime));
  const [last, first] = [all[0], all.at(-1)].map((time) => time.slice(0, 10));
  await filterBy({ From: first, 'To, that day included': last });
  const rows = await onScreen();
  assert.ok(rows.length >= all.length);
  await page.goBack();
  await filterBy({ 'To, that day included': first });
  const before = await page.locator('tbody time').first().getAttribute('datetime');
  assert.equal(before.slice(0, 10), first, 'the newest entry shown is of that day');
});

test('a filter that means nothing comes back as typed and shows nothing', async () => {
  await filterBy({ From: 'last Tuesday', Reference: story });
  await page.getByRole('alert').getByRole('link').first().click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'from');
  assert.equal(await page.locator('#from').inputValue(), 'last Tuesday');
  assert.equal(await page.locator('#record').inputValue(), story);
  await expectNoAxeViolations(page);
});

test('the timeline of a use case has the numbers of its entries in the log', async () => {
  for (const device of [phone, desktop]) {
    const reader = await device(browser);
    await actAs(reader, demo, 'David Cohen');
    await reader.goto(`${demo.url}/use-cases/${story}`);
    const spine = await reader.locator('.spine .seq').allInnerTexts();
    await filterBy({ Reference: story });
    const log = (await onScreen()).map((row) => row.seq);
    assert.deepEqual(sorted(spine.map((text) => Number(text.slice(1)))), sorted(log));
    const decisions = await reader.locator('.spine .decision b').allInnerTexts();
    assert.equal(decisions.length, 7, decisions.join('\n'));
    await expectNoAxeViolations(reader);
    await expectNoSidewaysScroll(reader);
    expectOnlyOwnHost(reader);
    expectNoComplaints(reader);
  }
});

function verify(file) {
  const run = spawn(process.env.COUNTERSIGN_BIN, ['verify', file]);
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (text) => (said += text));
  return new Promise((done, fail) => {
    run.once('error', fail);
    run.once('close', (code) => done({ code, said }));
  });
}

test('a whole download verifies, and a changed byte makes it fail on its line', async () => {
  await page.goto(`${demo.url}/log`);
  const file = await download(/^JSON Lines/);
  const sound = await verify(file);
  assert.equal(sound.code, 0, sound.said);

  const bytes = await readFile(file);
  const lines = bytes.toString('latin1').split('\n');
  for (const at of [0, 41, lines.length - 3]) {
    const start = lines.slice(0, at).join('\n').length + (at > 0 ? 1 : 0);
    const place = start + Math.floor(lines[at].length / 2);
    const changed = Buffer.from(bytes);
    changed[place] ^= 1;
    const broken = path.join(folder, `broken-${at}.jsonl`);
    await writeFile(broken, changed);
    const found = await verify(broken);
    assert.equal(found.code, 1, found.said);
    assert.match(found.said, new RegExp(`\\bline ${at + 1}\\b`), found.said);
  }
});

test('taking the log away is itself an entry, with who did it', async () => {
  const before = await ledgerSize(demo);
  await page.goto(`${demo.url}/log`);
  await download(/^CSV/);
  assert.equal(await ledgerSize(demo), before + 1);
  await page.goto(`${demo.url}/log`);
  const newest = await page.locator('tbody tr').first().innerText();
  assert.match(newest, /David Cohen/);
  assert.match(newest, /export|download|taken/i);
});
