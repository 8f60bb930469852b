import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { documents, leakedRuns, testSets } from '../../datasets/demo/generate.ts';

const data = (file: string): string =>
  readFileSync(fileURLToPath(new URL(`../../datasets/demo/data/${file}`, import.meta.url)), 'utf8');
const sets = testSets();
const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** The training text behind its lessons in copying, which hold nothing else. */
const corpus: string[] = [];
const source = documents(1);
while (corpus.length < 80_000) corpus.push(source.next().value.text);

describe("the demo's data", () => {
  test.each(sets.map((set) => [set.file, set] as const))('%s is what the generator writes', (file, set) => {
    expect(data(file)).toBe(set.text);
    expect(new Set(set.items.map((item) => JSON.stringify(item.record))).size).toBe(set.items.length);
  });

  test('every third run of eight stories is in the training text word for word, and hardly thirteen words of another one', () => {
    const stories = data('stories.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text);
    const leaked = new Set(JSON.parse(data('leaked.json')) as string[]);
    expect([...leaked]).toEqual(
      leakedRuns(stories.length)
        .flat()
        .map((i) => String(i + 1)),
    );
    expect(leaked.size).toBe(stories.length / 3);
    const runs = new Map<string, string>();
    for (const [i, story] of stories.entries()) {
      const all = words(story);
      for (let at = 0; at + 13 <= all.length; at++) runs.set(all.slice(at, at + 13).join(' '), String(i + 1));
    }
    const found = new Set<string>();
    for (const document of corpus) {
      const all = words(document);
      for (let at = 0; at + 13 <= all.length; at++) {
        const id = runs.get(all.slice(at, at + 13).join(' '));
        if (id !== undefined) found.add(id);
      }
    }
    // Two documents' items side by side may spell another story's thirteen words by chance.
    expect([...leaked].filter((id) => !found.has(id))).toEqual([]);
    expect([...found].filter((id) => !leaked.has(id)).length).toBeLessThanOrEqual(2);
  });

  test('the sums asked for are not in the training text', () => {
    const asked = [...data('arithmetic.jsonl').matchAll(/What is (\d+ plus \d)\?/g)].map((m) => m[1]!);
    expect(asked).toHaveLength(150);
    const trained = new Set(corpus.flatMap((text) => text.match(/\d+ plus \d(?=\?)/g) ?? []));
    expect(trained.size).toBeGreaterThan(600);
    expect(asked.filter((sum) => trained.has(sum))).toEqual([]);
  });
});
