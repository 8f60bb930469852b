/** Writes the pages that are made from the code's own definitions: `npm run docs`. A test holds them to it. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pages } from './pages/index.ts';

for (const [name, text] of Object.entries(pages()))
  writeFileSync(fileURLToPath(new URL(name, import.meta.url)), text);
