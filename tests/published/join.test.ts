import { describe, expect, test } from 'vitest';
import { figureRanges, withPublished } from '../../src/published/join.ts';
import { readFigures } from '../../src/published/read.ts';
import type {
  CellResult,
  ModelIdentity,
  PublishedComparison,
  RunRecord,
  TaskIdentity,
} from '../../src/record.ts';
import type { Protocol, Task } from '../../src/task.ts';
import type { Example, ProtocolName } from '../../src/types.ts';
import { tasks } from '../../tasks/index.ts';
import { cell, record } from '../helpers/record.ts';

const figures = readFigures();

interface Differs {
  readonly model?: Partial<ModelIdentity>;
  readonly identity?: Partial<TaskIdentity>;
  readonly spec?: Partial<RunRecord['spec']>;
}

/** The metrics of a cell, all scored. */
function measured(values: Readonly<Record<string, number>>): CellResult['metrics'] {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, stderr: null, ci95: null }]),
  );
}

/** The figures beside one cell of a whole run of gpt2 from the hub, with what differs. */
function beside(result: Partial<CellResult>, differs: Differs = {}): readonly PublishedComparison[] {
  const whole = cell({ model: 'gpt2', task: 'lambada', ...result });
  const { spec } = record([whole]);
  return (
    withPublished(whole, {
      figures,
      tasks,
      spec: {
        ...spec,
        limit: null,
        models: spec.models.map((m) => ({ ...m, commit: 'abc', ...differs.model })),
        tasks: spec.tasks.map((t) => ({ ...t, ...differs.identity })),
        ...differs.spec,
      },
    }).published ?? []
  );
}

const used = (k: number): CellResult['shots_used'] => ({ min: k, mean: k, max: k });
const short = (all: readonly PublishedComparison[]): string[] =>
  all.map((p) => `${p.metric} ${p.source} ${p.same ? '' : '~'}${p.model} ${p.value}`);
const folder = (parameters: number): Differs => ({
  // A folder has no commit.
  spec: { models: [{ ...record([cell()]).spec.models[0]!, ref: 'gpt2', parameters }] },
});

describe('which figures stand beside a result', () => {
  const lambada = measured({
    acc: 0.3256,
    ppl_word: 40.06,
    acc_last: 0.4667,
    acc_filtered: 0.42,
    logprob_gold: -3,
  });

  test('gpt2 on LAMBADA: its own in every source, and GPT-3 of comparable size', () => {
    const all = beside({ metrics: lambada });
    expect(short(all)).toEqual([
      'acc GPT-2 paper GPT-2 117M 0.4599',
      'ppl_word GPT-2 paper GPT-2 117M 35.13',
      'acc_filtered GPT-2 paper GPT-2 117M 0.4599',
      'acc GPT-3 paper ~GPT-3 Small 0.427',
      'ppl_word GPT-3 paper ~GPT-3 Small 18.6',
      'acc lm-eval gpt2 0.3256',
      'ppl_word lm-eval gpt2 40.0554',
      'acc_last third party gpt2 0.4667',
      'acc_last third party gpt2 0.4689',
      'acc_filtered third party gpt2 0.4198',
    ]);
    expect(all[0]).toMatchObject({ where: 'Table 3', shots: 'zero', k: 0, measured: 0.3256 });
    expect(all[0]!.difference).toBeCloseTo(-0.1343, 12);
    expect(all[1]!.difference).toBeCloseTo(4.93, 12);
    expect(all[5]!.difference).toBe(0);
  });

  test('gpt2-xl has a figure with the stop-word filter and one without: each beside its like', () => {
    for (const ref of ['gpt2-xl', 'openai-community/gpt2-xl']) {
      const all = beside({ model: ref, metrics: lambada }, { model: { ref, parameters: 1_557_611_200 } });
      expect(short(all).filter((line) => / (GPT-2 paper|lm-eval) /.test(line))).toEqual([
        'acc GPT-2 paper GPT-2 1542M 0.5266',
        'ppl_word GPT-2 paper GPT-2 1542M 8.63',
        'acc_filtered GPT-2 paper GPT-2 1542M 0.6324',
        'acc lm-eval gpt2-xl 0.5121',
        'ppl_word lm-eval gpt2-xl 10.634',
      ]);
      expect(short(all)).toContain('acc GPT-3 paper ~GPT-3 XL 0.636');
    }
  });

  test.each([
    ['gpt2', 'GPT-2 117M'],
    ['openai-community/gpt2', 'GPT-2 117M'],
    ['gpt2-medium', 'GPT-2 345M'],
    ['openai-community/gpt2-large', 'GPT-2 762M'],
    ['gpt2-xl', 'GPT-2 1542M'],
  ])('%s of the hub is %s, whatever is counted as its parameters', (ref, name) => {
    for (const parameters of [1e6, 137e6, 1e12]) {
      const all = beside({ model: ref, metrics: lambada }, { model: { ref, parameters } });
      expect(all.filter((p) => p.same && p.source === 'GPT-2 paper').map((p) => p.model)).toEqual([
        name,
        name,
        name,
      ]);
    }
  });

  test.each(['distilgpt2', 'someone/gpt2', 'openai-community/openai-gpt', 'constructor', 'toString'])(
    '%s is none of them',
    (ref) => {
      const all = beside({ model: ref, metrics: lambada }, { model: { ref } });
      expect(all.length).toBeGreaterThan(0);
      expect(all.every((p) => !p.same)).toBe(true);
    },
  );

  test('a folder of whatever name and size is none: only papers, only comparable ones', () => {
    const all = beside({ metrics: lambada }, folder(124_439_808));
    expect(short(all)).toEqual([
      'acc GPT-2 paper ~GPT-2 117M 0.4599',
      'ppl_word GPT-2 paper ~GPT-2 117M 35.13',
      'acc_filtered GPT-2 paper ~GPT-2 117M 0.4599',
      'acc GPT-3 paper ~GPT-3 Small 0.427',
      'ppl_word GPT-3 paper ~GPT-3 Small 18.6',
    ]);
    expect(beside({ metrics: lambada }, folder(70_000))).toEqual([]);
  });

  test.each([
    [62.4e6, []],
    [62.6e6, ['GPT-3 Small']],
    [209e6, ['GPT-3 Small']],
    [210e6, ['GPT-3 Medium']],
    [993e6, ['GPT-3 Large']],
    [995e6, ['GPT-3 XL']],
    [13e9, ['GPT-3 13B']],
    [27e9, []],
    [349e9, ['GPT-3 175B']],
    [351e9, []],
    [0, []],
  ])('%d parameters: the nearest by the logarithm of the size, within a factor of two: %j', (size, names) => {
    const all = beside({ task: 'rte', metrics: measured({ acc: 0.5 }) }, folder(size));
    expect(all.map((p) => p.model)).toEqual(names);
  });

  test.each([
    [0, 'zero', 0],
    [1, 'one', 1],
    [2, 'few', 50],
    [32, 'few', 50],
    ['max', 'few', 50],
  ] as const)('k = %s stands beside %s shots', (shots, named, k) => {
    const all = beside({ task: 'anli-r1', shots, metrics: measured({ acc: 0.33 }) });
    expect(all.map((p) => [p.shots, p.k, p.model])).toEqual([[named, k, 'GPT-3 Small']]);
  });

  test.each([
    ['rte', 'lm-eval', 'acc', ['acc', 'acc_norm', 'acc_token', 'acc_byte'], ['acc=acc', 'acc_token=acc']],
    ['rte', 'gpt3', 'acc_token', ['acc_token', 'acc'], ['acc_token=acc']],
    ['cb', 'lm-eval', 'acc', ['acc', 'f1_macro'], ['acc=acc', 'f1_macro=f1']],
    ['arithmetic-2d-add', 'lm-eval', 'acc', ['acc', 'logprob_gold'], ['acc=acc']],
    ['arithmetic-2d-add', 'gpt3', 'acc_stop', ['acc_stop', 'acc'], ['acc_stop=acc']],
    ['scramble-anagrams1', 'lm-eval', 'em', ['em'], ['em=acc']],
    ['multirc', 'lm-eval', 'acc', ['acc', 'acc_norm', 'acc_token'], []],
    [
      ...['multirc', 'gpt3', 'acc_token', ['acc_token', 'f1_binary', 'em_group', 'acc']],
      ['f1_binary=f1a', 'em_group=em_group'],
    ],
    ['race-h', 'lm-eval', 'acc', ['acc', 'acc_norm', 'acc_token'], ['acc=acc', 'acc_token=acc']],
    ['race-m', 'gpt3', 'acc_uncond', ['acc_uncond', 'acc_token', 'acc'], ['acc_uncond=acc']],
    ['squadv2', 'lm-eval', 'f1', ['f1', 'em'], ['f1=f1', 'em=em']],
    [
      'wmt14-fr-en',
      'gpt3',
      'bleu_intl',
      ['bleu_intl', 'bleu', 'chrf'],
      ['bleu_intl=bleu_sb', 'bleu=bleu_sb'],
    ],
  ] as const)('%s under %s, primary %s of %j', (task, protocol, primary, names, expected) => {
    const metrics = measured(Object.fromEntries(names.map((name, i) => [name, i / 10])));
    const all = beside({ task, primary, metrics }, { identity: { protocol } });
    const key = tasks.find((t) => t.name === task)!.published;
    const ofModel = figures.filter((f) => f.task === key && f.model === 'GPT-3 Small' && f.shots === 'zero');
    const metricOf = (value: number): string => ofModel.find((f) => f.value === value)!.metric;
    expect(all.map((p) => `${p.metric}=${p.metric === 'f1_macro' ? 'f1' : metricOf(p.value)}`)).toEqual(
      expected,
    );
    for (const p of all) expect(p.measured).toBe(names.indexOf(p.metric as never) / 10);
  });

  test('BLEU stands beside sacreBLEU before multi-bleu, perplexity per token beside none of a paper', () => {
    const published = 'En->Fr 14';
    const other = tasks.find((t) => t.name === 'rte')!;
    const whole = cell({ model: 'm', task: 'rte', shots: 8, metrics: measured({ bleu: 9, ppl_token: 3 }) });
    const { spec } = record([whole]);
    const joined = withPublished(whole, { figures, spec, tasks: [{ ...other, published }] });
    expect(joined.published?.map((p) => [p.metric, p.source])).toEqual([['bleu', 'GPT-3 paper']]);
    expect(joined.published![0]!.value).toBe(
      figures.find((f) => f.task === published && f.metric === 'bleu_sb' && f.shots === 'few')!.value,
    );
  });

  test('none beside tasks without figures, unknown tasks and models, and cells without scores', () => {
    for (const task of ['wnli', 'demo-lambada', 'text']) {
      const whole = cell({ model: 'gpt2', task, metrics: lambada });
      const context = { figures, tasks, spec: record([whole]).spec };
      expect(withPublished(whole, context)).toBe(whole);
    }
    expect(beside({ metrics: {}, n: 0 })).toEqual([]);
    expect(beside({ metrics: lambada }, { spec: { models: [] } })).toEqual([]);
  });

  test('the same input gives the same bytes, and nothing of it is changed', () => {
    const input = Object.freeze({ ...cell({ task: 'lambada', metrics: lambada }) });
    const context = Object.freeze({ figures, tasks, spec: record([input]).spec });
    const [first, second] = [0, 1].map(() => JSON.stringify(withPublished(input, context)));
    expect(first).toBe(second);
    expect(JSON.parse(first!).published.length).toBeGreaterThan(0);
    expect(input).not.toHaveProperty('published');
  });
});

describe('why a figure may differ', () => {
  const why = (result: Partial<CellResult>, differs: Differs = {}, source = 'GPT-3 paper'): string =>
    beside({ metrics: measured({ acc: 0.5 }), ...result }, differs)
      .filter((p) => p.source === source)
      .flatMap((p) => p.why)
      .join('\n');

  test('lm-eval beside lm-eval, all items, same model: for what its note says alone', () => {
    expect(why({ n: 5153 }, {}, 'lm-eval')).toBe('of the figure: 0.4.x, ±0.0065');
  });

  test.each<[string, string, Partial<CellResult>, Differs, Partial<CellResult>, Differs, string?]>([
    [
      'another model',
      'another model, GPT-2 117M of 117 M parameters; this one has 124 M',
      {},
      folder(124e6),
      {},
      {},
      'GPT-2 paper',
    ],
    [
      'other training data',
      'GPT-3 Small of 125 M parameters, on other data and with a window of 2048',
      {},
      {},
      {},
      folder(1),
    ],
    [
      'another protocol',
      'by the lm-eval protocol here, by the gpt3 protocol there',
      {},
      {},
      {},
      { identity: { protocol: 'gpt3' } },
    ],
    [
      'another protocol than GPT-2’s',
      'by the lm-eval protocol here, by the gpt2 protocol there',
      {},
      {},
      {},
      { identity: { protocol: 'gpt2' } },
      'GPT-2 paper',
    ],
    [
      'a test server',
      'items are of dev here, of test server there',
      { task: 'rte', shots: 32 },
      folder(175e9),
      { task: 'rte', shots: 1 },
      folder(175e9),
    ],
    [
      'fewer shots than the paper',
      '11 of 32 shots here, 50 there',
      { task: 'anli-r1', shots: 32, shots_used: used(11) },
      {},
      { task: 'anli-r1', shots: 50, shots_used: used(50) },
      {},
    ],
    [
      'shots that did not fit',
      '0 of 1 shots here, 1 there',
      { task: 'anli-r1', shots: 1, shots_used: used(0) },
      {},
      { task: 'anli-r1', shots: 1, shots_used: used(1) },
      {},
    ],
    [
      'shots that fitted in part',
      '31.5 on average of 50 shots here, 50 there',
      { task: 'anli-r1', shots: 50, shots_used: { min: 9, mean: 31.5, max: 50 } },
      {},
      { task: 'anli-r1', shots: 0 },
      {},
    ],
    [
      'a pool of its own',
      'shots are of test minus the scored item here',
      { shots: 1 },
      { identity: { shot_pool: 'test minus the scored item' } },
      { shots: 1 },
      {},
    ],
    [
      'the draw',
      "another draw of shots moves the paper's own figures",
      { shots: 15, shots_used: used(15) },
      {},
      {},
      {},
    ],
    [
      'a subset',
      'a random subset of 200 items here',
      {},
      { spec: { limit: 200 } },
      {},
      { spec: { limit: 5000 } },
    ],
    ['other data', '200 items here, 5153 in the published set', {}, {}, { n: 5153 }, {}],
    ['other data, not a subset', '200 items here, 5153', {}, {}, {}, { spec: { limit: 300 } }],
    ['unscored items', '3 of 203 items are unscored here', { unscored: 3 }, {}, {}, {}],
    ['cut tokens', '40 tokens were cut to fit the window here', { tokens_dropped: 40 }, {}, {}, {}],
    [
      'no stop-word filter',
      'that took 1542M from 52.7 to 63.2 (section 3.3)',
      {},
      {},
      {},
      { model: { ref: 'gpt2-xl', commit: 'x' } },
      'GPT-2 paper',
    ],
    [
      'another stop-word list',
      'the stop words are our own list',
      { metrics: measured({ acc_filtered: 0.4 }) },
      {},
      { metrics: measured({ ppl_word: 9 }) },
      {},
      'GPT-2 paper',
    ],
    [
      'sums of log-likelihoods',
      'choices are compared by acc here, by log-likelihood per token in most tasks there (section 2.4)',
      { task: 'anli-r1' },
      {},
      { task: 'anli-r1', primary: 'acc_token', metrics: measured({ acc_token: 0.3 }) },
      {},
    ],
    [
      'answers that the model wrote',
      'seem to have been written by the model there',
      { task: 'cb' },
      {},
      { task: 'anli-r1' },
      {},
    ],
    [
      'longer numbers',
      'a longer number that begins with the answer is right here',
      { task: 'arithmetic-2d-add' },
      {},
      { task: 'arithmetic-2d-add', primary: 'acc_stop', metrics: measured({ acc_stop: 0.3 }) },
      { identity: { protocol: 'gpt3' } },
    ],
    [
      'greedy decoding',
      'decoded greedily here, with a beam of 4 there',
      { task: 'scramble-anagrams1', primary: 'em', metrics: measured({ em: 0 }) },
      {},
      { task: 'anli-r1' },
      {},
    ],
    ['precision', 'computed in int8 here', {}, { spec: { dtype: 'int8' } }, {}, {}],
    [
      'doubt',
      'the figure itself is of medium confidence',
      {},
      { model: { ref: 'gpt2-medium', commit: 'x' } },
      {},
      {},
      'lm-eval',
    ],
    [
      'an author of his own',
      'wording and scoring are those of its author',
      { metrics: measured({ acc_last: 0.4 }) },
      {},
      {},
      {},
      'third party',
    ],
    [
      'a note',
      'of the figure: with the stop-word filter: section 3.3 says so of 1542M',
      {},
      {},
      { metrics: measured({ ppl_word: 9 }) },
      {},
      'GPT-2 paper',
    ],
  ])('%s', (_, sentence, result, differs, without, otherwise, source = 'GPT-3 paper') => {
    const named = (of: Partial<CellResult>, and: Differs): string => {
      const ref = and.model?.ref ?? 'gpt2';
      return why({ model: ref, ...of }, and, source);
    };
    expect(named(result, differs)).toContain(sentence);
    expect(named(without, otherwise)).not.toContain(sentence);
  });

  /** What is said of gpt2 on a task that is not here yet: its key, and its wording of one protocol. */
  const made =
    (published: string, wording: object, protocol: ProtocolName = 'lm-eval') =>
    (result: Partial<CellResult>): string => {
      const base = tasks.find((t) => t.name === 'rte')!;
      const known = { ...base.protocols['lm-eval'], ...wording } as Protocol<Example>;
      const task: Task = { ...base, published, split: 'test', protocols: { [protocol]: known } };
      const whole = cell({ model: 'gpt2', task: 'rte', ...result });
      const { spec } = record([whole]);
      const identified = {
        ...spec,
        models: spec.models.map((m) => ({ ...m, commit: 'abc', parameters: 1.5e9 })),
        tasks: spec.tasks.map((t) => ({ ...t, protocol })),
      };
      const joined = withPublished(whole, { figures, spec: identified, tasks: [task] });
      return (
        joined.published?.flatMap((p) => [`${p.source} ${p.model} ${p.value}`, ...p.why]).join('\n') ?? ''
      );
    };

  test('perplexity of a text: units, detokenisers, windows', () => {
    const text = made('WikiText103', { kind: 'rolling' })({
      metrics: measured({ ppl_word: 37.4 }),
      window: { context: 1024, stride: 512 },
    });
    expect(text).toContain('GPT-2 paper GPT-2 117M 37.5\n');
    expect(text).toContain(
      'detokenisers that were not published, worth 2.5 to 5 of perplexity (section 3.1)',
    );
    expect(text).toContain('windows here: 1024 tokens, stride 512');
  });

  test('splits that have another name here, too', () => {
    const found = (task: string, metric: string): string =>
      why({ task, primary: metric, metrics: measured({ [metric]: 0.5 }) });
    for (const [task, metric] of [
      ['race-h', 'acc'],
      ['wmt14-fr-en', 'bleu'],
      ['coqa', 'f1'],
    ] as const) {
      expect(found(task, metric)).toContain('GPT-3 Small');
      expect(found(task, metric), task).not.toContain('items are of');
    }
    // 200 of 7983 here, but lm-eval's protocol leaves most out itself.
    expect(found('coqa', 'f1')).not.toContain('in the published set');
    expect(found('wmt14-fr-en', 'bleu')).toContain('200 items here, 3003 in the published set');
  });

  test('CBT is of the validation split there', () => {
    const text = made('CBT-CN', { kind: 'choice' })({ metrics: measured({ acc: 0.8 }) });
    expect(text).toContain('GPT-2 paper GPT-2 117M 0.8765');
    expect(text).toContain('items are of test here, of dev there');
  });

  test('BLEU: whose tokenisation', () => {
    const translation = made('Fr->En 14', { kind: 'generate' });
    const of = (metric: string): string =>
      translation({ shots: 8, shots_used: used(8), metrics: measured({ [metric]: 5 }) });
    expect(of('bleu')).toContain("sacreBLEU's with the tokenisation intl there");
    expect(of('bleu_intl')).toContain('GPT-3 paper');
    expect(of('bleu_intl')).not.toContain('tokenisation intl');
    expect(of('bleu')).toContain('the paper does not say how BLEU was tokenised');
    expect(of('bleu')).toContain('8 shots here; how many there is not said');
  });

  test('a beam here, too: nothing to say', () => {
    const result = { shots: 0, metrics: measured({ f1: 0.3 }), primary: 'f1' };
    const greedy = made('DROP', { kind: 'generate' }, 'gpt3')(result);
    expect(greedy).toContain('with a beam of 4 there');
    const beams = { width: 4, alpha: 0.6 };
    expect(made('DROP', { kind: 'generate', beams }, 'gpt3')(result)).not.toContain('beam');
  });

  test('RACE and CoQA: the last question of each under lm-eval; RACE by the unconditional ratio', () => {
    const sentence = "the lm-eval protocol scores each passage's last question";
    const race = made('RACE-h', { kind: 'choice' })({ metrics: measured({ acc: 0.3 }) });
    expect(race).toContain(sentence);
    expect(race).toContain(
      'choices are compared by acc here, by log-likelihood less that of the choice alone there',
    );
    expect(made('RACE-h', { kind: 'choice' }, 'gpt3')({ metrics: measured({ acc: 0.3 }) })).not.toContain(
      sentence,
    );
    expect(made('CoQA', { kind: 'generate' })({ primary: 'f1', metrics: measured({ f1: 0.3 }) })).toContain(
      sentence,
    );
  });
});

describe('figureRanges', () => {
  test('of a task: a line a source and metric', () => {
    const ranges = figureRanges(figures, 'LAMBADA');
    expect(ranges.map((r) => `${r.source} ${r.metric} ${r.count}: ${r.least} to ${r.most}`)).toEqual([
      'GPT-2 paper ppl 4: 8.63 to 35.13',
      'GPT-2 paper acc_filtered 4: 0.4599 to 0.6324',
      'GPT-2 paper acc 1: 0.5266 to 0.5266',
      'GPT-3 paper acc 24: 0.22 to 0.864',
      'GPT-3 paper ppl 24: 1.92 to 165',
      'lm-eval acc 3: 0.3256 to 0.5121',
      'lm-eval ppl_word 2: 10.634 to 40.0554',
      'third party acc_last 2: 0.4667 to 0.4689',
      'third party acc_filtered 1: 0.4198 to 0.4198',
    ]);
    expect(figureRanges(figures, 'nothing')).toEqual([]);
  });

  test('counts, overlap and contamination are none of results', () => {
    const metrics = new Set(
      [...new Set(figures.map((f) => f.task))].flatMap((key) =>
        figureRanges(figures, key).map((r) => r.metric),
      ),
    );
    expect([...metrics].sort()).toEqual(
      'acc acc_filtered acc_last acc_norm acc_token average bleu bleu_mb bleu_sb bpb bpc em em_group f1 f1a mc2 ppl ppl_token ppl_word rouge1 rouge2 rougeL rouge_avg'.split(
        ' ',
      ),
    );
  });
});
