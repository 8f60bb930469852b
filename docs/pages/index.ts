import { papersPage } from './papers.ts';
import { tasksPage } from './tasks.ts';

/** Every generated page, by its file's name. */
export function pages(): Readonly<Record<string, string>> {
  return { 'tasks.md': tasksPage(), 'papers.md': papersPage() };
}
