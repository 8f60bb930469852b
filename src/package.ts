import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** This package's folder, found by its own name: the sources and the build lie at different depths below it. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('evalgpt/package.json'));
}

/** This package's version, from its manifest. */
export function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve('evalgpt/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** Where downloads and scores are kept between runs: EVALGPT_CACHE, else the user's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return (
    environment.EVALGPT_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evalgpt')
  );
}
