// Somebody drops a file and gets a verdict, without a script and on a small phone.
import assert from 'node:assert/strict';
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
import { actAs } from './journey.mjs';

let demo;
let browser;
let page;
let folder;
let file;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-verify-'));
  demo = await startDemo();
  browser = await openBrowser();
  const auditor = await desktop(browser);
  await actAs(auditor, demo, 'David Cohen');
  await auditor.goto(`${demo.url}/log`);
  const [download] = await Promise.all([
    auditor.waitForEvent('download'),
    auditor.getByRole('button', { name: 'Package with proofs' }).click(),
  ]);
  file = path.join(folder, 'log.zip');
  await download.saveAs(file);
  page = await phone(browser);
  await actAs(page, demo, 'David Cohen');
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function check(name) {
  await page.goto(`${demo.url}/log/verify`);
  await page.getByLabel('File, at most 64 MB').setInputFiles(name);
  await page.getByRole('button', { name: 'Check the file' }).click();
}

async function examine(picture) {
  await expectNoSidewaysScroll(page);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await expectNoAxeViolations(page);
    await screenshot(page, `${picture}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  expectOnlyOwnHost(page);
  expectNoComplaints(page);
}

test('a package as it was taken away holds', async () => {
  await check(file);
  await page.getByRole('heading', { name: 'The file holds' }).waitFor();
  await page.getByText('What this does not prove').waitFor();
  await examine('verify-good-phone');
});

test('one changed byte is found, and the place is named', async () => {
  const bytes = await readFile(file);
  const at = bytes.indexOf('"kind":"');
  assert.ok(at > 0);
  bytes[at + 9] ^= 1;
  const bad = path.join(folder, 'bad.zip');
  await writeFile(bad, bytes);
  await check(bad);
  await page.getByRole('heading', { name: 'The file was changed' }).waitFor();
  await page.getByText(/^(entries\.jsonl|checkpoints)/).waitFor();
  await examine('verify-bad-phone');
});

test('another kind of file is told apart', async () => {
  const odd = path.join(folder, 'odd.txt');
  await writeFile(odd, 'hello\n');
  await check(odd);
  await page.getByRole('heading', { name: 'The file could not be checked' }).waitFor();
});
