import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * The page's script as one text. The build has bundled it beside this file; from the sources it is bundled here, by
 * the same tool with the same options (see "build" in package.json).
 */
export async function clientScript(): Promise<string> {
  const built = fileURLToPath(new URL('./client.js', import.meta.url));
  if (existsSync(built)) return await readFile(built, 'utf8');
  const { build } = await import('esbuild');
  const entry = fileURLToPath(new URL('./client/main.ts', import.meta.url));
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, minify: true, write: false },
    ...{ format: 'iife', target: 'es2022', charset: 'utf8', legalComments: 'none', logLevel: 'silent' },
  });
  return outputFiles[0]?.text ?? '';
}
