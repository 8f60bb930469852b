import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openTaskFiles } from '../../src/custom/open.ts';
import { DEFAULT_SPEC } from '../../src/evaluate/evaluate.ts';
import { type LoadedTask, loadTask } from '../../src/evaluate/load.ts';
import { defineTask, type Example } from '../../src/index.ts';
import { judgeText } from '../../src/metrics/sample.ts';
import { renderPairs } from '../../src/prompts/render.ts';
import type { PromptProtocol, Task } from '../../src/task.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-modules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spec = { ...DEFAULT_SPEC, models: [], shots: [0, 1, 2] };

let written = 0;
/** Every module has a name of its own: Node keeps what it has loaded. */
function module(text: string, ending = 'mjs'): string {
  const path = join(folder, `m${written++}.${ending}`);
  writeFileSync(path, text);
  return path;
}
const open = async (text: string, ending?: string): Promise<Task> =>
  (await openTaskFiles([module(text, ending)]))[0]!;
const load = async (text: string): Promise<LoadedTask> => loadTask(await open(text), spec, () => {});
/** A task whose named fields are other ones; those of its protocol come in `wording`. */
function source(fields: Record<string, string> = {}, wording: Record<string, string> = {}): string {
  const list = (object: Record<string, string>): string =>
    Object.entries(object)
      .filter(([, value]) => value !== '')
      .map(([key, value]) => `${key}: ${value}`)
      .join(',\n');
  const own = list({
    kind: '"choice"',
    context: '(e) => e.q',
    shot: '(e) => e.q + " yes"',
    choices: '() => ["yes", "no"]',
    gold: '(e) => e.gold',
    metrics: '["acc"]',
    ...wording,
  });
  return `export default { ${list({
    name: '"mine"',
    data: '"./items.jsonl"',
    decode: '(r) => ({ id: r.string("id"), q: r.string("q"), gold: r.count("gold") })',
    protocols: `{ own: { ${own} } }`,
    ...fields,
  })} };`;
}

writeFileSync(
  join(folder, 'items.jsonl'),
  ['a', 'b', 'c'].map((id, i) => `${JSON.stringify({ id, q: `q${id}`, gold: i % 2 })}\n`).join(''),
);
writeFileSync(join(folder, 'shots.csv'), 'id,q,gold\ns,only,0\n');
writeFileSync(join(folder, 'lines.txt'), 'one\n\ntwo\n');

describe('a module exports tasks', () => {
  test('a plain object; what it leaves out has its default', async () => {
    const loaded = await load(source());
    expect(loaded.task).toMatchObject({
      name: 'mine',
      title: 'mine',
      version: 1,
      chance: null,
      protocol: 'own',
    });
    expect(loaded.protocol).toMatchObject({
      separator: '\n\n',
      draw: 'fixed',
      delimiter: ' ',
      source: loaded.identity.file,
    });
    expect(loaded.identity).toMatchObject({
      dataset: join(folder, 'items.jsonl'),
      shot_pool: 'the same file minus the scored item',
    });
    expect(loaded.identity.file_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(loaded.identity.file_sha256).not.toBe(loaded.identity.dataset_sha256);
    const [a, b] = loaded.examples as [Example, Example];
    expect(renderPairs(loaded.protocol as PromptProtocol<Example>, a, [b])).toEqual([
      { context: 'qb yes\n\nqa', continuation: ' yes' },
      { context: 'qb yes\n\nqa', continuation: ' no' },
    ]);
  });

  test('a list of them, of every kind, and methods that use one another', async () => {
    const base = 'data: "./lines.txt", decode: (r) => ({ id: r.text })';
    const path = module(`
      const span = { kind: 'span', metrics: ['acc'], prefix: 'P ', separator: '' };
      export default [
        { name: 'one', ${base}, title: 'One', version: 3, protocols: { own: { kind: 'rolling', text: (e) => e.id, metrics: ['bpb'] } } },
        { name: 'two', ${base}, protocol: 'gpt3', protocols: {
          own: { kind: 'generate', context: (e) => e.id, shot: (e) => e.id, stop: ['.'], maxTokens: 5, gold: (e) => e.id,
                 judge(e, text) { return { em: Number(text === this.gold(e)) }; }, metrics: ['em'] },
          gpt3: { kind: 'span', context: (e) => e.id, continuation: () => ' x', shot: (e) => e.id + ' x', metrics: ['acc'],
                  description: (k) => k + ' shots. ', separator: ' / ', draw: 'per-example' },
        } },
      ];`);
    const [one, two] = (await openTaskFiles([path])) as [Task, Task];
    expect([one.name, one.version, one.title, one.protocol, two.protocol]).toEqual([
      'one',
      3,
      'One',
      'own',
      'gpt3',
    ]);
    const written = await loadTask(two, { ...spec, protocol: 'lm-eval' }, () => {});
    expect(written.identity).toMatchObject({ protocol: 'gpt3', draw: 'per-example' });
    const [first, second] = written.examples as [Example, Example];
    expect(renderPairs(written.protocol as PromptProtocol<Example>, first, [second])).toEqual([
      { context: '1 shots. two x / one', continuation: ' x' },
    ]);
    const judged = two.protocols.own;
    if (judged?.kind !== 'generate') throw new Error('expected text to be written');
    expect(judgeText(judged, first, 'one').values).toEqual({ em: 1 });
    expect((await loadTask(one, spec, () => {})).shotCounts).toEqual([0]);
  });

  test('shots from a file of their own, and a data set that has a card', async () => {
    const own = await load(
      source({
        shotData: '"shots.csv"',
        decode: '(r) => ({ id: r.string("id"), q: r.string("q"), gold: 0 })',
      }),
    );
    expect(own.shots[0]!(own.examples[0]!, 5).map((s) => s.id)).toEqual(['s']);
    expect(own.identity.shot_pool).toBe('a file of their own');
    const card = await load(
      source({
        data: '',
        dataset: '"arithmetic-generated"',
        split: '"two_digit_addition"',
        decode: '(r) => ({ id: String(r.line), q: r.string("context"), gold: 0 })',
      }),
    );
    expect(card.identity.dataset).toBe('arithmetic-generated');
    expect(card.examples.length).toBeGreaterThan(100);
  });

  test('a module that was changed is read anew', async () => {
    const path = module(source());
    await openTaskFiles([path]);
    writeFileSync(path, source({ title: '"changed"' }));
    expect((await openTaskFiles([path]))[0]!.title).toBe('changed');
  });

  test('defineTask gives back what it is given, typed', () => {
    const task = {
      name: 'typed',
      data: './x.csv',
      decode: (record: { string(key: string): string }) => ({ id: record.string('id'), n: 1 }),
      protocols: {
        own: {
          kind: 'span' as const,
          context: (e: Example & { n: number }) => `${e.n}`,
          continuation: () => 'x',
          shot: () => 'x',
          metrics: ['acc' as const],
        },
      },
    };
    expect(defineTask<Example & { readonly n: number }>(task)).toBe(task);
    defineTask({
      name: 'inferred',
      data: './x.csv',
      decode: (record) => ({ id: record.string('id'), n: record.count('n') }),
      protocols: {
        own: {
          kind: 'choice',
          context: (e) => e.n.toFixed(),
          shot: (e) => e.id,
          choices: () => ['a', 'b'],
          // @ts-expect-error the example has no such field
          gold: (e) => e.answer,
          metrics: ['acc'],
        },
      },
    });
    // @ts-expect-error neither data nor a data set
    defineTask({ name: 'x', decode: () => ({ id: 'x' }), protocols: {} });
  });
});

describe('what is no task is one sentence with the file, the task and the field', () => {
  const task = String.raw`m\d+\.mjs: task "mine"`;
  test.each<[string, string, string]>([
    [
      'no default export',
      'export const task = {};',
      String.raw`m\d+\.mjs: expected a default export, a task; found none$`,
    ],
    ['an empty list', 'export default [];', 'expected a task, found an empty list$'],
    ['a number', 'export default 3;', 'task: expected an object, found 3$'],
    ['a number in a list', 'export default [3];', 'task 1 of the list: expected an object, found 3$'],
    ['a syntax error', 'export default {', String.raw`m\d+\.mjs: cannot be loaded: `],
    ['a throw', 'throw new Error("no luck\\nat all");', 'cannot be loaded: no luck$'],
    ['no name', source({ name: '' }), '"name" expected lower-case words joined by hyphens, found nothing$'],
    [
      'a wrong name',
      source({ name: '"My Task"' }),
      '"name" expected lower-case words joined by hyphens, found "My Task"$',
    ],
    ['no decode', source({ decode: '' }), `${task}: "decode" expected a function, found nothing$`],
    ['a wrong decode', source({ decode: '"x"' }), `${task}: "decode" expected a function, found "x"$`],
    [
      'no protocols',
      source({ protocols: '' }),
      `${task}: "protocols" expected an object of protocols, found nothing$`,
    ],
    [
      'a slip',
      source({ tittle: '"x"' }),
      `${task}: "tittle" is not a field of a task \\(did you mean title\\?\\)$`,
    ],
    [
      'no data',
      source({ data: '' }),
      `${task}: expected "data", the path of a file, or "dataset" and "split", found none$`,
    ],
    ['two data', source({ dataset: '"lambada"' }), `${task}: expected "data" or "dataset", found both$`],
    ['no such file', source({ data: '"./none.csv"' }), 'none.csv: cannot be read: ENOENT'],
    [
      'an unknown kind of file',
      source({ data: '"./items.xml"' }),
      'items.xml: expected a file that ends in .csv',
    ],
    [
      'an unknown data set',
      source({ data: '', dataset: '"lambda"', split: '"test"' }),
      `${task}: no data set "lambda"`,
    ],
    [
      'an unknown split',
      source({ data: '', dataset: '"anli-r1"', split: '"tset"' }),
      `${task}: the splits of "anli-r1" are .*, found "tset"$`,
    ],
    [
      'an unknown protocol',
      source({ protocols: '{ mine: {} }' }),
      `${task}: "protocols" expected names among own, lm-eval, gpt1, gpt2, gpt3, found "mine"$`,
    ],
    [
      'a protocol mistyped',
      source({ protocols: '{ gtp3: {} }' }),
      `${task}: "protocols" expected names among own, lm-eval, gpt1, gpt2, gpt3, found "gtp3" \\(did you mean gpt3\\?\\)$`,
    ],
    [
      'a protocol that is not there',
      source({ protocol: '"gpt3"' }),
      `${task}: "protocol" is "gpt3", which "protocols" does not define$`,
    ],
    [
      'a wrong kind',
      source({}, { kind: '"pick"' }),
      `${task}, protocol "own": "kind" expected one of span, choice, generate, rolling, found "pick"$`,
    ],
    [
      'no context',
      source({}, { context: '' }),
      `${task}, protocol "own": "context" expected a function, found nothing$`,
    ],
    [
      'a slip in the wording',
      source({}, { chioces: '() => []' }),
      `${task}, protocol "own": "chioces" is not a field of a choice protocol \\(did you mean choices\\?\\)$`,
    ],
    [
      'a wrong metric',
      source({}, { metrics: '["bpb"]' }),
      `${task}, protocol "own": "metrics" expected a list of some of acc, acc_norm, .*, found \\["bpb"\\]$`,
    ],
    [
      'exact match without a judge',
      source({}, { metrics: '["em"]' }),
      `${task}, protocol "own": the metric em needs "judge"$`,
    ],
    [
      'a correlation without a scale',
      source({}, { metrics: '["pearson"]' }),
      `${task}, protocol "own": the metric pearson needs "scale"$`,
    ],
    [
      'a scale that is none',
      source({}, { scale: '{ values: ["a"], gold: () => 1 }' }),
      `${task}, protocol "own": "scale" expected an object of a list of numbers "values" and a function "gold", found `,
    ],
    [
      'another length',
      source({}, { by: '"word"' }),
      `${task}, protocol "own": "by" expected "sum", "token", "character" or "byte", found "word"$`,
    ],
    [
      'contexts and an unconditional term',
      source({}, { contexts: '() => ["a", "b"]', unconditional: '"A:"' }),
      `${task}, protocol "own": expected "contexts" or "unconditional", found both$`,
    ],
    [
      'another draw',
      source({}, { draw: '"last"' }),
      `${task}, protocol "own": "draw" expected "fixed", "per-example" or "first", found "last"$`,
    ],
    [
      'a metric without what it needs',
      source({}, { metrics: '["acc_uncond"]' }),
      `${task}, protocol "own": the metric acc_uncond needs "unconditional"$`,
    ],
    [
      'a built-in name',
      source({ name: '"rte"' }),
      '"rte" is the name of a task that evalgpt has: choose another$',
    ],
  ])('%s', async (_, text, message) => {
    const error = await open(text).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
  });

  test.each<[string, string, string]>([
    [
      'decode throws',
      source({ decode: '(r) => r.string("id").x.y' }),
      String.raw`items\.jsonl:1: .*${task}: "decode" throws: Cannot read properties of undefined`,
    ],
    [
      'decode asks for what is not there',
      source({ decode: '(r) => r.string("text")' }),
      `${task}: .*items.jsonl:1: "text" expected a string, found nothing$`,
    ],
    [
      'decode gives no id',
      source({ decode: '(r) => ({ id: r.line })' }),
      `items.jsonl:1: .*"decode" expected an object with an "id", a text, found {"id":1}$`,
    ],
    [
      'decode is asynchronous',
      source({ decode: 'async (r) => ({ id: "x" })' }),
      `items.jsonl:1: .*found a promise$`,
    ],
    [
      'ids repeat',
      source({ decode: '(r) => ({ id: "x", q: "q", gold: 0 })' }),
      'task "mine": two items of its data have the id "x"$',
    ],
    [
      'context throws',
      source({}, { context: '(e) => e.text.trim()' }),
      `${task}, protocol "own": "context" of item a: Cannot read properties`,
    ],
    [
      'context gives no text',
      source({}, { context: '(e) => e.nothing' }),
      `${task}, protocol "own": "context" of item a: expected a text, found nothing$`,
    ],
    [
      'a shot gives no text',
      source({}, { shot: '(e) => e.gold' }),
      `${task}, protocol "own": "shot" of item .: expected a text, found [01]$`,
    ],
    [
      'too few choices',
      source({}, { choices: '() => ["x"]' }),
      `"choices" of item a: expected a list of two texts or more, found \\["x"\\]$`,
    ],
    [
      'a gold beyond the choices',
      source({}, { gold: '(e) => e.gold + 1' }),
      '"gold" of item b: expected the index of a choice, from 0 to 1, found 2$',
    ],
    [
      'a description that throws',
      source({}, { description: '() => { throw new Error("no"); }' }),
      '"description" at 0 shots: no$',
    ],
  ])('%s: file and item', async (_, text, message) => {
    const error = await load(text).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
  });

  test('a judgement without the metrics', async () => {
    const { protocol, examples } = await load(
      source(
        {},
        {
          kind: '"generate"',
          choices: '',
          gold: '() => "x"',
          stop: '["."]',
          maxTokens: '3',
          judge: '() => ({ f1: 1, em: NaN })',
          metrics: '["em", "f1"]',
        },
      ),
    );
    if (protocol.kind !== 'generate') throw new Error('expected text to be written');
    expect(() => judgeText(protocol, examples[0]!, '')).toThrow(
      /"judge" of item a: expected an object with the numbers em, f1, found {"f1":1,"em":null}$/,
    );
  });

  test('beams, and counts for what is measured on the whole set', async () => {
    const wording = { kind: '"generate"', choices: '', gold: '() => "x"', stop: '["."]', maxTokens: '3' };
    const judged = { judge: '() => ({ em: 1 })', metrics: '["em", "chrf"]' };
    const { protocol, examples } = await load(
      source(
        {},
        { ...wording, ...judged, beams: '{ width: 4, alpha: 0.6 }', counts: '() => ({ chrf: [1, 2] })' },
      ),
    );
    if (protocol.kind !== 'generate') throw new Error('expected text to be written');
    expect(protocol.beams).toEqual({ width: 4, alpha: 0.6 });
    expect(judgeText(protocol, examples[0]!, '')).toMatchObject({
      values: { em: 1 },
      counts: { chrf: [1, 2] },
    });
    await expect(load(source({}, { ...wording, ...judged }))).rejects.toThrow(
      /the metric chrf needs "counts"$/,
    );
    const narrow = source(
      {},
      { ...wording, ...judged, counts: '() => ({})', beams: '{ width: 0, alpha: 1 }' },
    );
    await expect(load(narrow)).rejects.toThrow(/"beams" expected an object of a "width" from 1 on/);
    const wrong = await load(source({}, { ...wording, ...judged, counts: '() => ({ chrf: 3 })' }));
    const { protocol: own } = wrong;
    if (own.kind !== 'generate') throw new Error('expected text to be written');
    expect(() => judgeText(own, examples[0]!, '')).toThrow(
      /"counts" of item a: expected an object with the lists of/,
    );
  });

  test('what is scored and what may be a shot', async () => {
    const loaded = await load(source({}, { scores: '(e) => e.id !== "b"', draws: '(e) => e.id === "b"' }));
    expect(loaded.examples.map((e) => e.id)).toEqual(['a', 'c']);
    expect(loaded.shots[0]!(loaded.examples[0]!, 5).map((e) => e.id)).toEqual(['b']);
    await expect(load(source({}, { scores: '(e) => e.gold' }))).rejects.toThrow(
      /"scores" of item a: expected true or false, found 0$/,
    );
  });

  test('TypeScript where Node cannot strip types', async () => {
    const strips = Boolean((process.features as { typescript?: unknown }).typescript);
    const opened = open(`${source()}\ntype T = string;\n`, 'ts');
    if (strips) expect((await opened).name).toBe('mine');
    else
      await expect(opened).rejects.toThrow(
        /m\d+\.ts: a task in TypeScript needs Node 22\.18 or later, found \d+/,
      );
  });
});
