import { existsSync } from 'node:fs';

/** A Chromium for tests of pages: EVALGPT_CHROMIUM, or where systems put it; undefined where there is none. */
export const chromiumPath: string | undefined = [
  process.env.EVALGPT_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find((path) => path !== undefined && existsSync(path));
