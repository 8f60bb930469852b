import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../package.ts';
import { type Figure, parseFigures } from './figures.ts';

/** The figures that the package ships. @throws UserError for a line that is none */
export function readFigures(folder: string = join(packageFolder(), 'reports', 'published')): Figure[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return parseFigures(path, readFileSync(path, 'utf8'));
    });
}
