/**
 * Makes .github/docs/images/leaderboard.png, the top of reports/example/leaderboard.html as a browser without a window shows it:
 * `npm run screenshot`. Needs a Chromium: EVALGPT_CHROMIUM, or where systems put it.
 */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../../tests/helpers/chromium.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const out = at('images/leaderboard.png');

if (chromiumPath === undefined) throw new Error('no Chromium here: name one in EVALGPT_CHROMIUM');
const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 830 }, colorScheme: 'light' });
  await page.goto(pathToFileURL(at('../../reports/example/leaderboard.html')).href);
  await page.waitForTimeout(1000);
  mkdirSync(at('images'), { recursive: true });
  await page.screenshot({ path: out });
} finally {
  await browser.close();
}
console.log(`${out}: ${Math.round(statSync(out).size / 1024)} KiB`);
