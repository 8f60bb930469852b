import { apiPage } from './api.ts';
import { cliPage } from './cli.ts';
import { formatsPage } from './formats.ts';
import { papersPage } from './papers.ts';
import { openSources } from './source.ts';
import { tasksPage } from './tasks.ts';

/** Every generated page, by its file's name. */
export function pages(): Readonly<Record<string, string>> {
  const sources = openSources();
  try {
    return {
      'tasks.md': tasksPage(),
      'papers.md': papersPage(),
      'reference/cli.md': cliPage(),
      'reference/formats.md': formatsPage(sources),
      'reference/api.md': apiPage(sources),
    };
  } finally {
    sources.close();
  }
}
