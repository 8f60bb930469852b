import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openTaskFiles } from '../../src/custom/open.ts';
import { DEFAULT_SPEC } from '../../src/evaluate/evaluate.ts';
import { type LoadedTask, loadTask } from '../../src/evaluate/load.ts';
import { judge } from '../../src/metrics/sample.ts';
import { renderPairs } from '../../src/prompts/render.ts';
import type { ChoiceProtocol, PromptProtocol, Task } from '../../src/task.ts';
import type { Example, Pair } from '../../src/types.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-tables-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(name: string, text: string | Buffer): Promise<Task> {
  const path = join(folder, name);
  writeFileSync(path, text);
  return (await openTaskFiles([path]))[0]!;
}

async function load(name: string, text: string | Buffer): Promise<LoadedTask> {
  const spec = { ...DEFAULT_SPEC, models: [], shots: [0, 1, 2] };
  return loadTask(await open(name, text), spec, () => {});
}

function pairs(loaded: LoadedTask, index = 0, shots: readonly Example[] = []): Pair[] {
  return renderPairs(loaded.protocol as PromptProtocol<Example>, loaded.examples[index]!, shots);
}

const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;

describe('what a table asks', () => {
  const csv = [
    'id,context,choices,answer,cluster',
    'a,The sky is,blue|green,blue,x',
    '',
    `b,"Grass, they say, is",${cell(JSON.stringify(['red, I think', 'a|b', '"green"']))},${cell('"green"')},x`,
    '"c","A ""quoted"" word',
    'on two lines:",yes | no | 多分 ,2,',
  ].join('\n');

  test('choices, quoted as CSV has it, from one cell or a JSON list', async () => {
    const loaded = await load('Some Task_v2.csv', csv);
    expect(loaded.task.name).toBe('some-task-v2');
    expect(loaded.task.chance).toBeCloseTo((1 / 2 + 1 / 3 + 1 / 3) / 3, 12);
    expect(loaded.examples.map(({ id, cluster }) => [id, cluster])).toEqual([
      ['a', 'x'],
      ['b', 'x'],
      ['c', undefined],
    ]);
    expect(pairs(loaded)).toEqual([
      { context: 'The sky is', continuation: ' blue' },
      { context: 'The sky is', continuation: ' green' },
    ]);
    expect(pairs(loaded, 1).map((p) => p.continuation)).toEqual([' red, I think', ' a|b', ' "green"']);
    expect(pairs(loaded, 2)).toEqual(
      ['yes', 'no', '多分'].map((choice) => ({
        context: 'A "quoted" word\non two lines:',
        continuation: ` ${choice}`,
      })),
    );
    const { gold } = loaded.protocol as ChoiceProtocol<Example>;
    expect(loaded.examples.map(gold)).toEqual([0, 2, 2]);
    expect(loaded.protocol.metrics[0]).toBe('acc');
  });

  test('a byte-order mark and CRLF change nothing but the hash', async () => {
    const [plain, marked] = [
      await load('x.csv', csv),
      await load('x.csv', `\ufeff${csv.replaceAll('\n', '\r\n')}`),
    ];
    expect(marked.examples).toEqual(plain.examples);
    expect(marked.identity.prompts_sha256).toBe(plain.identity.prompts_sha256);
    expect(marked.identity.dataset_sha256).not.toBe(plain.identity.dataset_sha256);
    const lines = '{"context":"a","target":"b"}\n';
    const jsonl = [await load('x.jsonl', lines), await load('x.jsonl', `\ufeff${lines}`)];
    expect(jsonl[1]!.examples).toEqual(jsonl[0]!.examples);
  });

  test('shots are the other items, a blank line between them', async () => {
    const loaded = await load('x.csv', csv);
    const [first, , last] = loaded.examples as [Example, Example, Example];
    // The second item is of the first one's cluster: it may give the answer away.
    expect(loaded.shots[0]!(first, 5).map((s) => s.id)).toEqual(['c']);
    const shots = loaded.shots[0]!(last, 5);
    expect(shots.map((s) => s.id).sort()).toEqual(['a', 'b']);
    const [a, b] = ['The sky is blue', 'Grass, they say, is "green"'];
    const solved = shots.map((s) => (s.id === 'a' ? a : b)).join('\n\n');
    expect(pairs(loaded, 2, shots)[0]!.context).toBe(`${solved}\n\nA "quoted" word\non two lines:`);
    expect(loaded.identity.shot_pool).toBe('the same file minus the scored item');
  });

  test('choices in columns of their own, some items with fewer', async () => {
    const loaded = await load(
      'x.tsv',
      'context\tchoice2\tchoice1\tchoice3\tanswer\nq\tb, c\ta\t\t0\nr\t"e"\td\tf\tf\n',
    );
    expect(pairs(loaded).map((p) => p.continuation)).toEqual([' a', ' b, c']);
    expect(pairs(loaded, 1).map((p) => p.continuation)).toEqual([' d', ' "e"', ' f']);
    expect(loaded.examples.map((loaded.protocol as ChoiceProtocol<Example>).gold)).toEqual([0, 2]);
  });

  test('in JSONL a string is a text and a number a number', async () => {
    const line = (answer: unknown): string =>
      `${JSON.stringify({ id: 7, context: 'q', choices: ['1', '2', '0'], answer })}\n`;
    const golds = [];
    for (const answer of ['1', 1, '0', 0]) {
      const { examples, protocol } = await load('x.jsonl', line(answer));
      golds.push((protocol as ChoiceProtocol<Example>).gold(examples[0]!));
      expect(examples[0]!.id).toBe('7');
    }
    expect(golds).toEqual([0, 1, 2, 0]);
  });

  test.each([
    ['One plus one is', 'two', 'One plus one is', ' two'],
    ['One plus one is  ', 'two', 'One plus one is', ' two'],
    ['Answer:', ' two', 'Answer:', ' two'],
    ['Answer:', '\ntwo', 'Answer:', '\ntwo'],
    ['Answer:\n', 'two', 'Answer:\n', 'two'],
  ])('between %j and %j', async (context, target, before, behind) => {
    const loaded = await load('x.jsonl', JSON.stringify({ context, target }));
    expect(pairs(loaded)).toEqual([{ context: before, continuation: behind }]);
    const choices = await load('x.jsonl', JSON.stringify({ context, choices: [target, '?'], answer: 0 }));
    const gap = before.endsWith('\n') ? '' : ' ';
    expect(pairs(choices)[0]).toEqual({ context: before, continuation: `${gap}two` });
  });

  test('targets: a perplexity per word only where each is a word', async () => {
    const words = await load('x.tsv', 'context\ttarget\na "b\tc\nd\te\n');
    expect(words.protocol.metrics).toEqual(['acc', 'logprob_gold', 'ppl_word']);
    expect(words.task.chance).toBeNull();
    expect(words.examples.map((e) => e.id)).toEqual(['2', '3']);
    expect(pairs(words)[0]!.context).toBe('a "b');
    const texts = await load('x.tsv', 'context\ttarget\na\tc d\n');
    expect(texts.protocol.metrics).toEqual(['acc', 'logprob_gold']);
  });

  test('references: a line that is one of them, white space aside', async () => {
    const { protocol, examples } = await load('x.csv', 'context,references\nWho?,Ann | Bob\n');
    if (protocol.kind !== 'generate') throw new Error(`expected text to be written, found ${protocol.kind}`);
    const em = (text: string): number => protocol.judge(examples[0]!, text).em!;
    expect([' Bob', 'Ann ', 'bob', 'Ann Bob', ''].map(em)).toEqual([1, 1, 0, 0, 0]);
    // Articles, case and marks aside: SQuAD's words.
    expect([' the Bob!', 'Ann or Bob'].map((text) => protocol.judge(examples[0]!, text))).toEqual([
      { em: 0, f1: 1 },
      { em: 0, f1: 0.5 },
    ]);
    expect(protocol.shot(examples[0]!)).toBe('Who? Ann');
    expect(protocol.stop).toEqual(['\n']);
    const one = await load('x.csv', 'context,reference\nWho?,Ann|Bob\n');
    if (one.protocol.kind !== 'generate') throw new Error('expected text to be written');
    expect(one.protocol.gold(one.examples[0]!)).toBe('Ann|Bob');
  });

  test("lengths are the choices' own, as in the benchmarks", async () => {
    const { protocol, examples } = await load('x.csv', 'context,choices,answer\nq,ab|c,ab\n');
    if (protocol.kind === 'generate') throw new Error('expected choices');
    const scored = (...logprobs: number[]) => ({
      logprobs: Float32Array.from(logprobs),
      hits: logprobs.map(() => false),
    });
    // -3 over two characters beats -2 over one.
    const { values } = judge(protocol, examples[0]!, [scored(-1, -2), scored(-2)]);
    expect(values).toMatchObject({ acc: 0, acc_norm: 1 });
  });
});

describe('what is no task is one sentence with file and line', () => {
  const header = 'context,choices,answer\n';
  test.each<[string, string, RegExp]>([
    ['x.csv', '', /x\.csv: expected items, found none$/],
    ['x.csv', header, /x\.csv: expected items, found none$/],
    [
      'x.csv',
      'question,target\na,b\n',
      /x\.csv:1: expected "context" and one of .*, found "question", "target"$/,
    ],
    ['x.csv', 'context\na\n', /x\.csv:1: expected "context" and one of "target", "choices" with "answer"/],
    ['x.csv', 'context,target,references\na,b,c\n', /x\.csv:1: .*found "context", "target", "references"$/],
    ['x.csv', 'context,target,note\na,b,c\n', /x\.csv:1: "note" is not a column of a task/],
    ['x.csv', 'context,choices\na,b|c\n', /x\.csv:1: expected "answer" and either "choices" or "choice1"/],
    ['x.csv', 'context,choice1,choice3,answer\na,b,c,0\n', /x\.csv:1: expected "answer" and either/],
    ['x.csv', 'context,choices,choice1,answer\na,b|c,b,0\n', /x\.csv:1: expected "answer" and either/],
    ['x.csv', 'context,target,target\na,b,c\n', /x\.csv:1: two columns are named "target"$/],
    ['x.csv', 'context,target,\na,b,c\n', /x\.csv:1: column 3 has no name$/],
    ['x.csv', `${header}"a\nb",c|d,c\n ,e|f,e\n`, /x\.csv:4: "context" is empty$/],
    ['x.csv', 'context,target\na, \n', /x\.csv:2: "target" is empty$/],
    [
      'x.csv',
      `${header}a,b|c,d\n`,
      /x\.csv:2: "answer" expected one of the choices \(b, c\) or its number from 0 to 1, found "d"$/,
    ],
    ['x.csv', `${header}a,b|c,2\n`, /x\.csv:2: "answer" expected .* found "2"$/],
    ['x.csv', `${header}a,b|c,\n`, /x\.csv:2: "answer" expected .* found ""$/],
    [
      'x.csv',
      `${header}a,1|2|3,3\nb,1|2|3,1\n`,
      /x\.csv:3: "answer" 1 is the text of one choice and the number of another/,
    ],
    ['x.csv', `${header}a,b,b\n`, /x\.csv:2: expected two choices at least, found 1$/],
    ['x.csv', `${header}a,b||c,b\n`, /x\.csv:2: choice 1, from 0, is empty$/],
    ['x.csv', `${header}a,b|b,b\n`, /x\.csv:2: the choice "b" stands there twice$/],
    [
      'x.csv',
      `${header}a,"[""b"", 2]",b\n`,
      /x\.csv:2: "choices" begins as a JSON list, but is no list of strings/,
    ],
    [
      'x.csv',
      `${header}a, b, c|d,c\n`,
      /x\.csv:2: expected 3 columns, as in the first line, found 4; a text that holds a comma/,
    ],
    ['x.csv', `${header}a,"b|c,c\n`, /x\.csv:\d: Quote Not Closed/],
    ['x.csv', `${header}a,b|c,b\nsay "a",b|c,b\n`, /x\.csv:3: Invalid Opening Quote/],
    ['x.csv', 'id,context,target\n1,a,b\n1,c,d\n', /x\.csv:3: the id "1" is that of line 2, too$/],
    ['x.csv', 'id,context,target\n,a,b\n', /x\.csv:2: "id" is empty$/],
    ['x.csv', 'context,references\na,\n', /x\.csv:2: a reference is empty$/],
    ['x.csv', 'context,reference\na,"b\nc"\n', /x\.csv:2: a reference holds a line break/],
    ['x.tsv', 'context\ttarget\na\n', /x\.tsv:2: expected 2 columns, as in the first line, found 1$/],
    ['x.jsonl', '{"context":"a","target":"b"}\n{"context":\n', /x\.jsonl:2: not JSON/],
    ['x.jsonl', '{"context":"a","target":1}\n', /x\.jsonl:1: "target" expected a string, found 1$/],
    [
      'x.jsonl',
      '{"context":"a","choices":"b|c","answer":0}',
      /x\.jsonl:1: "choices" expected a list of strings/,
    ],
    [
      'x.jsonl',
      '{"context":"a","choices":["b","c"],"answer":"0"}',
      /x\.jsonl:1: "answer" expected .* found "0"$/,
    ],
    [
      'x.jsonl',
      '{"context":"a","choices":["b","c"],"answer":0.5}',
      /x\.jsonl:1: "answer" expected .* found 0\.5$/,
    ],
    [
      'x.jsonl',
      '{"context":"a","target":"b"}\n\n{"context":"a","reference":"b"}\n',
      /x\.jsonl:3: expected "target" as in the first item, found "references"$/,
    ],
    [
      'x.jsonl',
      '{"context":"a","target":"b"}\n{"context":"a","target":"b","label":1}\n',
      /x\.jsonl:2: "label" is not a column/,
    ],
    ['日本.csv', 'context,target\na,b\n', /expected a file name with letters a to z or digits/],
    [
      'lambada.csv',
      'context,target\na,b\n',
      /lambada\.csv: "lambada" is the name of a task that evalgpt has: choose another$/,
    ],
    ['text.csv', 'context,target\na,b\n', /"text" is the name of a task that evalgpt has/],
    [
      'x.xlsx',
      '',
      /x\.xlsx: expected a file of tasks that ends in \.csv, \.tsv, \.jsonl, \.js, \.mjs, \.ts$/,
    ],
  ])('%s %j', async (name, text, message) => {
    const error = await open(name, text).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
  });

  test('bytes that are not UTF-8, a file that is not there, and one name twice', async () => {
    await expect(open('x.csv', Buffer.from('context,target\na,\xff\n', 'latin1'))).rejects.toThrow(
      /x\.csv: expected UTF-8 text/,
    );
    await expect(openTaskFiles([join(folder, 'none.csv')])).rejects.toThrow(
      /none\.csv: cannot be read: ENOENT/,
    );
    for (const name of ['one.csv', 'one.tsv'])
      writeFileSync(
        join(folder, name),
        'context,target\na,b\n'.replace(/,/g, name.endsWith('tsv') ? '\t' : ','),
      );
    const [csv, tsv] = [join(folder, 'one.csv'), join(folder, 'one.tsv')];
    await expect(openTaskFiles([csv, tsv])).rejects.toThrow(
      /one\.tsv: "one" is also the name of a task of .*one\.csv$/,
    );
    expect(await openTaskFiles([csv, csv])).toHaveLength(1);
  });
});
