import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { readCard } from '../../src/data/card.ts';
import { readSplit } from '../../src/data/split.ts';
import { UserError } from '../../src/errors.ts';
import { DEFAULT_SPEC } from '../../src/evaluate/evaluate.ts';
import { type LoadedTask, loadTask, selectTasks } from '../../src/evaluate/load.ts';
import { reduceMetric } from '../../src/metrics/reduce.ts';
import { judgeText } from '../../src/metrics/sample.ts';
import { renderPairs } from '../../src/prompts/render.ts';
import {
  defineTask,
  type GenerateProtocol,
  type MetricName,
  type PromptProtocol,
  type Protocol,
  type Task,
} from '../../src/task.ts';
import type { Example, Pair, ProtocolName, Summary } from '../../src/types.ts';
import { demoTasks, tasks } from '../../tasks/index.ts';

const samples = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
const golden = fileURLToPath(new URL('../golden/prompts', import.meta.url));

beforeAll(() => {
  vi.stubEnv('EVALGPT_DATA', samples);
  vi.stubEnv('EVALGPT_CACHE', '/nonexistent');
  return () => vi.unstubAllEnvs();
});

function load(task: Task, protocol: ProtocolName, limit: number | null = null): Promise<LoadedTask> {
  return loadTask(
    task,
    { ...DEFAULT_SPEC, models: [], protocol, limit, shots: [0, 1, 2], seed: 1 },
    () => {},
  );
}

/** A protocol of questions and shots. */
function prompted(protocol: Protocol<Example> | undefined): PromptProtocol<Example> {
  if (!protocol || protocol.kind === 'rolling') throw new Error('expected a protocol with prompts');
  return protocol;
}

const worded = tasks.flatMap((task) =>
  (Object.keys(task.protocols) as ProtocolName[]).map((protocol) => ({ name: task.name, protocol, task })),
);

describe('every task renders on the samples under every protocol', () => {
  test.each(worded)('$name, $protocol', async ({ task, protocol }) => {
    const loaded = await load(task, protocol, 40);
    expect(loaded.missing).toBeUndefined();
    expect(loaded.identity.protocol).toBe(protocol);
    const { protocol: wording } = loaded;
    expect(loaded.examples.length).toBeGreaterThanOrEqual(wording.kind === 'rolling' ? 1 : 5);
    for (const example of loaded.examples) {
      if (wording.kind === 'rolling') {
        expect(wording.text(example).trim()).not.toBe('');
        continue;
      }
      for (const k of [0, 1, 2]) {
        const shots = loaded.shots[0]!(example, k);
        expect(shots).toHaveLength(k);
        expectWording(wording, example, shots);
      }
    }
  });
});

function expectWording(protocol: PromptProtocol<Example>, example: Example, shots: readonly Example[]): void {
  const pairs = renderPairs(protocol, example, shots);
  const [{ context } = { context: '' }] = pairs;
  const text = pairs.map((p) => p.context + p.continuation).join('');
  expect(text).not.toMatch(/undefined|NaN|\[object|\bnull\b|\$\{/);
  const relative = protocol.kind === 'choice' && protocol.unconditional !== undefined;
  const asked = relative ? pairs.slice(0, pairs.length / 2) : pairs;
  // What the choices differ in: all that follows one context, or contexts that one text follows.
  const partial = protocol.kind === 'choice' && protocol.contexts !== undefined;
  const [same, other] = partial
    ? (['continuation', 'context'] as const)
    : (['context', 'continuation'] as const);
  expect(asked.every((p) => p[same] === pairs[0]?.[same])).toBe(true);
  expect(new Set(asked.map((p) => p[other])).size).toBe(asked.length);
  if (relative) {
    const behind = pairs.slice(asked.length);
    expect(behind.map((p) => p.continuation)).toEqual(asked.map((p) => p.continuation));
    expect(behind.every((p) => p.context === protocol.unconditional)).toBe(true);
  }
  const answers = (e: Example): string[] =>
    protocol.kind === 'generate'
      ? [protocol.gold(e)]
      : renderPairs(protocol, e, [])
          .slice(0, asked.length)
          .map((p) => p.continuation);
  // One space or line end and then the word or number, which the first token of the answer holds as well; of the
  // Children's Book Test, whose answers are the rest of a sentence, also a mark or the second half of a contraction.
  const begins =
    // lm-eval has more than one space before answers that begin with spaces themselves.
    /\b(copa|record|hellaswag|wsc273|figure G\.9)\b/.test(protocol.source)
      ? /^ +\S/
      : protocol.kind === 'choice' && protocol.delimiter === ''
        ? /^(?: |['".,;:!?])?\S/
        : /^[ \n]\S/;
  for (const answer of answers(example)) expect(answer).toMatch(begins);
  if (protocol.kind === 'choice') {
    expect(asked.length).toBe(protocol.choices(example).length);
    expect(asked[protocol.gold(example)]).toBeDefined();
  } else expect(pairs).toHaveLength(1);
  if (protocol.kind === 'generate') expectJudgement(protocol, example);

  const question =
    protocol.kind === 'choice' && protocol.contexts
      ? (protocol.contexts(example)[0] as string)
      : protocol.context(example, shots.length);
  expect(context.endsWith(question)).toBe(true);
  let at = 0;
  for (const shot of shots) {
    const found = context.indexOf(protocol.shot(shot) + protocol.separator, at);
    expect(found).toBe(at === 0 ? (protocol.description?.(shots.length) ?? '').length : at);
    at = found + protocol.shot(shot).length + protocol.separator.length;
    // A solved example ends with the answer that it would be scored by.
    const answer = answers(shot)[protocol.kind === 'choice' ? protocol.gold(shot) : 0]!;
    if (protocol.kind === 'span' && protocol.accepts) continue;
    expect(protocol.shot(shot).endsWith(answer)).toBe(true);
  }
  if (shots.length > 0) expect(at).toBe(context.length - question.length);
}

/** The answer itself is worth all that a metric has; a text that shares no word with it is worth nothing. */
function expectJudgement(protocol: GenerateProtocol<Example>, example: Example): void {
  const worth = (text: string, metric: MetricName): number => {
    const judged = judgeText(protocol, example, text);
    const summary = { ...judged, id: '1', status: 'scored', flags: [] } as unknown as Summary;
    return reduceMetric(metric, [summary])!.value;
  };
  // lm-eval has no text that is right where there is no answer.
  if (protocol.source.includes('squadv2') && protocol.gold(example) === ' unanswerable') return;
  // A noun that is not meant is rightly not written.
  if ('refers' in example && example.refers === false) return;
  const severalGolds = 'answers' in example && (example.answers as unknown[]).flat().length > 1;
  for (const metric of protocol.metrics) {
    expect(worth(' ☃ ☃ ☃ ☃', metric), metric).toBe(0);
    const own = worth(protocol.gold(example), metric);
    const best = metric.startsWith('bleu') || metric === 'chrf' ? 100 : 1;
    // Sentences of fewer than four words have no BLEU; of several references one never has all that there is.
    const lesser = metric.startsWith('bleu') ? protocol.gold(example).split(' ').length <= 5 : severalGolds;
    if (lesser) expect(own, metric).toBeGreaterThanOrEqual(0);
    else expect(own, metric).toBeCloseTo(best, 9);
  }
}

describe('golden prompts: the first sample of each task, scored parts between ⟦ and ⟧', () => {
  test.each(tasks.map((task) => ({ name: task.name, task })))('$name', async ({ name, task }) => {
    const sections: string[] = [];
    for (const protocol of Object.keys(task.protocols) as ProtocolName[]) {
      const loaded = await load(task, protocol);
      const example = loaded.examples[0]!;
      if (loaded.protocol.kind === 'rolling') {
        sections.push(`===== ${protocol} =====\n⟦${loaded.protocol.text(example)}⟧\n`);
        continue;
      }
      const wording = prompted(loaded.protocol);
      for (const k of [0, 1, 2]) {
        const pairs = renderPairs(wording, example, loaded.shots[0]!(example, k));
        const parts =
          wording.kind === 'generate'
            ? [`⟦to be written, for example${wording.gold(example)}⟧`]
            : pairs.map((p) => `${p.context === pairs[0]!.context ? '' : p.context}⟦${p.continuation}⟧`);
        sections.push(`===== ${protocol}, k = ${k} =====\n${pairs[0]!.context}\n${parts.join('\n')}\n`);
      }
    }
    const found = sections.join('\n');
    const path = join(golden, `${name}.txt`);
    const changed = join(golden, `${name}-changed.txt`);
    if (process.env.EVALGPT_GOLDEN === '1') {
      mkdirSync(golden, { recursive: true });
      writeFileSync(path, found);
    }
    const wanted = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    rmSync(changed, { force: true });
    if (found === wanted) return;
    writeFileSync(changed, found);
    expect.fail(
      `the prompts are not those of ${path}: compare ${changed}; EVALGPT_GOLDEN=1 accepts all prompts as they are`,
    );
  });

  test('every golden file is of a task', () => {
    const files = readdirSync(golden).filter((file) => !file.endsWith('-changed.txt'));
    expect(files.sort()).toEqual(tasks.map(({ name }) => `${name}.txt`).sort());
  });
});

/** Strings as lm-eval 0.4.13's own task code builds them from the same two records. */
describe("lm-eval's wording to the letter", () => {
  async function prompt(name: string, item: number, shot: number): Promise<Pair[]> {
    const task = tasks.find((t) => t.name === name)!;
    const protocol = prompted(task.protocols['lm-eval']);
    const { records } = await readSplit(readCard(task.dataset), task.split, [samples]);
    const examples = records.flatMap(task.decode);
    return renderPairs(protocol, examples[item]!, [examples[shot]!]);
  }

  test('anli-r1 at k = 1', async () => {
    const context =
      'Oda Brandt is a Danish gardener who grows over three hundred kinds of roses on an island without electricity.\n' +
      "Question: Oda Brandt's island is lit by electric lamps. True, False, or Neither?\n" +
      'Answer: False\n' +
      '\n' +
      'The lighthouse on Gull Point was built in 1851 and stood unlit for twenty years before a group of fishermen ' +
      'repaired its lamp in 1989.\n' +
      'Question: The lighthouse on Gull Point was repaired by fishermen. True, False, or Neither?\n' +
      'Answer:';
    expect(await prompt('anli-r1', 0, 4)).toEqual([
      { context, continuation: ' True' },
      { context, continuation: ' Neither' },
      { context, continuation: ' False' },
    ]);
  });

  test('lambada at k = 1: two spaces before the last word of the shot, one before that of the item', async () => {
    expect(await prompt('lambada', 0, 2)).toEqual([
      {
        context:
          'The baker put twelve loaves in the oven before dawn and sat down to rest. He only meant to close his eyes. ' +
          'When he woke, the kitchen was full of smoke, and he did not need to look to know what had happened to ' +
          'the  loaves\n' +
          '\n' +
          'The old clock in the hall had stopped again, so Grandfather fetched his little box of tools. He opened the ' +
          'glass, moved the hands and listened. Nothing. "It is the spring," he said at last. By evening the hall was ' +
          'full of ticking, and everyone was glad to hear the',
        continuation: ' clock',
      },
    ]);
  });

  test('arithmetic-2d-add at k = 1', async () => {
    expect(await prompt('arithmetic-2d-add', 0, 2)).toEqual([
      {
        context: 'Question: What is 48 plus 92?\nAnswer: 140\n\nQuestion: What is 13 plus 84?\nAnswer:',
        continuation: ' 97',
      },
    ]);
  });
});

describe("the papers' wording to the letter", () => {
  const passage = { id: '1', text: ' “Stay,” he said.\nShe did not stay' };
  const question = (name: string, protocol: ProtocolName, example: Example, shots: Example[]): Pair[] =>
    renderPairs(prompted(tasks.find((t) => t.name === name)?.protocols[protocol]), example, shots);

  test('lambada by the GPT-2 paper: straight double quotes, one newline before the stripped text', () => {
    expect(question('lambada', 'gpt2', passage, [])).toEqual([
      { context: '\n"Stay," he said.\nShe did not', continuation: ' stay' },
    ]);
  });

  test('lambada by the GPT-3 paper: plain at k = 0, fill in the blank at k > 0', () => {
    const alice = { id: '2', text: 'Alice was friends with Bob. Alice went to visit her friend Bob' };
    expect(question('lambada', 'gpt3', alice, [])).toEqual([
      { context: 'Alice was friends with Bob. Alice went to visit her friend', continuation: ' Bob' },
    ]);
    const george = { id: '3', text: 'George bought some baseball equipment, a ball, a glove, and a bat' };
    expect(question('lambada', 'gpt3', george, [alice])).toEqual([
      {
        context:
          'Fill in blank:\n\nAlice was friends with Bob. Alice went to visit her friend ____. -> Bob\n\n' +
          'George bought some baseball equipment, a ball, a glove, and a ____. ->',
        continuation: ' bat',
      },
    ]);
  });

  test('arithmetic by the GPT-3 paper: the released text as it is, one behind the other', () => {
    const sum = (a: number, b: number): Example & { context: string; completion: string } => ({
      id: `${a}`,
      context: `\n\nQ: What is ${a} plus ${b}?\n\nA:`,
      completion: ` ${a + b}`,
    });
    expect(question('arithmetic-2d-add', 'gpt3', sum(98, 45), [sum(1, 2)])).toEqual([
      { context: '\n\nQ: What is 1 plus 2?\n\nA: 3\n\nQ: What is 98 plus 45?\n\nA:', continuation: '' },
    ]);
  });
});

describe('the list of tasks', () => {
  test('has distinct names, and the demo needs no download', async () => {
    expect(new Set(tasks.map((t) => t.name)).size).toBe(tasks.length);
    vi.stubEnv('EVALGPT_DATA', '/nonexistent');
    for (const task of selectTasks(demoTasks))
      expect((await load(task, task.protocol, 3)).examples).toHaveLength(3);
    vi.stubEnv('EVALGPT_DATA', samples);
  });

  test('a choice task’s chance is one over its choices, its label the right one', async () => {
    for (const task of tasks.filter((t) => t.name.startsWith('anli'))) {
      const { protocol, examples } = await load(task, 'lm-eval');
      if (protocol.kind !== 'choice') throw new Error('expected choices');
      expect(task.chance).toBeCloseTo(1 / protocol.choices(examples[0]!).length, 12);
      const answers = new Map([
        ['e', 'True'],
        ['n', 'Neither'],
        ['c', 'False'],
      ]);
      for (const example of examples) {
        const { label } = example as Example & { label: string };
        expect(protocol.choices(example)[protocol.gold(example)]).toBe(answers.get(label));
      }
      const premises = new Set(examples.map((e) => (e as Example & { premise: string }).premise));
      expect(new Set(examples.map((e) => e.cluster)).size).toBe(premises.size);
    }
  });

  test('a passage of one word is an error naming its line', async () => {
    const lambada = tasks.find((t) => t.name === 'lambada')!;
    const records = await readSplit(readCard(lambada.dataset), 'test', [samples]);
    const record = records.records[0]!;
    expect(() => lambada.decode({ ...record, string: () => 'word' })).toThrow(UserError);
    expect(() => lambada.decode({ ...record, string: () => ' word' })).toThrow(
      new UserError(
        `${samples}/lambada/lambada_test.jsonl:1: expected a passage of several words, found " word"`,
      ),
    );
  });

  test('one word and white space are no passage either', async () => {
    const lambada = tasks.find((t) => t.name === 'lambada')!;
    const { records } = await readSplit(readCard(lambada.dataset), 'test', [samples]);
    for (const text of ['word ', '  word', ' word '])
      expect(() => lambada.decode({ ...records[0]!, string: () => text }), JSON.stringify(text)).toThrow(
        UserError,
      );
  });

  test('defineTask refuses a definition that contradicts itself', () => {
    const task = tasks[0]!;
    expect(() => defineTask({ ...task, name: 'Two Words' })).toThrow('lower-case words joined by hyphens');
    expect(() => defineTask({ ...task, protocols: {} })).toThrow(
      'its default protocol "lm-eval" is not defined',
    );
    const { 'lm-eval': lmEval } = task.protocols;
    expect(() => defineTask({ ...task, protocols: { 'lm-eval': { ...lmEval!, metrics: [] } } })).toThrow(
      'protocol "lm-eval": expected a metric',
    );
    expect(Object.isFrozen(task)).toBe(true);
  });
});
