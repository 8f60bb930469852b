/** Writes the pages that are made from the code's own definitions: `npm run docs`. A test holds them to it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pages } from './pages/index.ts';

for (const [name, text] of Object.entries(pages())) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
