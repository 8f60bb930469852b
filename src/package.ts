import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** This package's folder, found by its own name: the sources and the build lie at different depths below it. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('evalgpt/package.json'));
}

/** This package's version, from its manifest. */
export function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve('evalgpt/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
