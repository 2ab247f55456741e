// The harness itself: each of its questions must be able to say no.
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import http from 'node:http';
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
  startServer,
} from './harness.mjs';

const document = (body) => `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>A page</title>
<link rel="icon" href="data:,"></head><body><main><h1>A page</h1>${body}</main></body></html>`;

const PAGES = {
  '/sound': document('<p>Fine.</p><label for="a">Name</label> <input id="a">'),
  '/unlabelled': document('<input>'),
  '/pale': document('<p style="color:#ccc;background:#fff">Hard to read</p>'),
  '/foreign': document('<img alt="" src="http://foreign.invalid/pixel.png">'),
  '/broken': document('<img alt="" src="/missing.png">'),
  '/wide': document('<div style="width:600px">Wide</div>'),
  '/scripted': document('<p id="p">No</p><script>document.title = p.textContent = "Yes"</script>'),
};
const STRICT = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

let server;
let origin;
let browser;

before(async () => {
  server = http.createServer((request, response) => {
    const page = PAGES[request.url];
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    if (request.url === '/sound') headers['content-security-policy'] = STRICT;
    response.writeHead(page ? 200 : 404, headers).end(page ?? 'nothing here');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  server?.close();
});

async function visit(path, device = desktop, options = {}) {
  const page = await device(browser, options);
  await page.goto(origin + path);
  return page;
}

test('a sound page passes every question, in both themes, on a phone and on a desktop', async () => {
  for (const device of [phone, desktop]) {
    for (const dark of [false, true]) {
      const page = await visit('/sound', device, { dark });
      await expectNoAxeViolations(page);
      expectOnlyOwnHost(page);
      expectNoComplaints(page);
      await expectNoSidewaysScroll(page);
      const theme = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
      assert.equal(theme, dark);
    }
  }
});

test('a field without a label is reported with its rule and its place', async () => {
  await assert.rejects(expectNoAxeViolations(await visit('/unlabelled')), (error) => {
    assert.match(error.message, /unlabelled has accessibility violations/);
    assert.match(error.message, /label \(critical\)/);
    assert.match(error.message, /at input/);
    return true;
  });
});

test('pale text on white is reported', async () => {
  await assert.rejects(expectNoAxeViolations(await visit('/pale')), /color-contrast/);
});

test('without scripts the page stays as it is and is examined all the same', async () => {
  const page = await visit('/scripted', phone, { javaScript: false });
  await expectNoAxeViolations(page);
  assert.equal(await page.locator('#p').textContent(), 'No');
  await page.goto(`${origin}/unlabelled`);
  await assert.rejects(expectNoAxeViolations(page), /label \(critical\)/);
  await page.goto(`${origin}/scripted`);
  assert.equal(await page.title(), 'A page', 'scripts are still off after axe has run');
});

test('a request to a foreign host is caught', async () => {
  const page = await visit('/foreign');
  assert.throws(() => expectOnlyOwnHost(page), /foreign\.invalid/);
});

test('what the security policy refuses is caught', async () => {
  const page = await visit('/sound');
  await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement('script'), { text: 'void 0' }));
  });
  assert.throws(() => expectOnlyOwnHost(page), /Content Security Policy/);
});

test('a missing picture is a complaint', async () => {
  const page = await visit('/broken');
  assert.throws(() => expectNoComplaints(page), /404/);
});

test('a page wider than the phone is caught, and fits the desktop', async () => {
  await assert.rejects(expectNoSidewaysScroll(await visit('/wide', phone)), /needs \d+ px/);
  await expectNoSidewaysScroll(await visit('/wide'));
});

test('each page has cookies of its own', async () => {
  const [one, other] = [await visit('/sound'), await visit('/sound')];
  await one.evaluate(() => (document.cookie = 'who=ann'));
  assert.equal(await other.evaluate(() => document.cookie), '');
});

test('a picture leaves the tree alone unless it is asked for', async (t) => {
  if (process.env.COUNTERSIGN_PICTURES === '1') return t.skip('pictures are asked for');
  const file = await screenshot(await visit('/sound'), 'a-page');
  await access(file);
  assert.doesNotMatch(file, /docs/);
});

test('a server is waited for until it answers, and stopped', async () => {
  const script = `require('node:http').createServer((q, r) => r.end('here'))
    .listen(0, '127.0.0.1', function () {
      console.log('Open http://127.0.0.1:' + this.address().port + '/ in a browser');
    })`;
  const { url, stop } = await startServer(process.execPath, ['-e', script]);
  assert.equal(await (await fetch(url)).text(), 'here');
  await stop();
  await assert.rejects(fetch(url));
});

test('a server that ends early, or panics, fails the test with what it said', async () => {
  const early = startServer(process.execPath, ['-e', 'console.error("no database")']);
  await assert.rejects(early, /the server ended:[^]*no database/);
  await assert.rejects(startServer('/nonexistent/binary', []), /ENOENT/);
  const script = `require('node:http').createServer((q, r) => r.end()).listen(0, '127.0.0.1',
    function () {
      console.log('http://127.0.0.1:' + this.address().port);
      process.on('SIGTERM', () => {
        console.error("thread 'main' panicked at src/main.rs");
        setImmediate(() => process.exit());
      });
    })`;
  const { stop } = await startServer(process.execPath, ['-e', script]);
  await assert.rejects(stop(), /the server panicked/);
  const at = 'console.error("thread panicked at src/web"); setTimeout(() => {}, 60000)';
  await assert.rejects(startServer(process.execPath, ['-e', at]), /the server panicked/);
});

test('without a binary the demo says how to get one', async (t) => {
  if (process.env.COUNTERSIGN_BIN) return t.skip('there is one');
  await assert.rejects(startDemo(), /tests\/run browser/);
});

test('a page that answers 404 by design is no complaint, what it lacks is', async () => {
  const page = await visit('/nothing-here');
  expectNoComplaints(page);
  await page.goto(`${origin}/broken`);
  assert.throws(() => expectNoComplaints(page), /404/);
});
