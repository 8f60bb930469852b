import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_SPEC, evaluate } from '../../src/evaluate/evaluate.ts';
import { type LoadedTask, loadTask, selectTasks } from '../../src/evaluate/load.ts';
import { renderPairs } from '../../src/prompts/render.ts';
import type { RunRecord } from '../../src/record.ts';
import { formatTable } from '../../src/report/table.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { PromptProtocol } from '../../src/task.ts';
import type { Example, Pair, Sample } from '../../src/types.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/**
 * Every task that lm-eval has too and whose data are here: 15 documents (50 with EVALGPT_FULL=1) at k = 0 and k = 5, the prompts, requests,
 * scores and metrics of lm-eval's own task code on the same files, for the shots that we drew.
 */
const PAIRS: Readonly<Record<string, string>> = {
  lambada: 'lambada_openai',
  'lambada-standard': 'lambada_standard',
  'lambada-cloze': 'lambada_openai_cloze_yaml',
  'lambada-standard-cloze': 'lambada_standard_cloze_yaml',
  'anli-r1': 'anli_r1',
  'anli-r2': 'anli_r2',
  'anli-r3': 'anli_r3',
  rte: 'sglue_rte',
  cb: 'cb',
  boolq: 'boolq',
  wnli: 'wnli',
  multirc: 'multirc',
  'race-h': 'race',
  squadv2: 'squadv2',
  'wmt14-fr-en': 'wmt14-fr-en',
  'wmt14-en-fr': 'wmt14-en-fr',
  'arithmetic-2d-add': 'arithmetic_2da',
  'arithmetic-2d-sub': 'arithmetic_2ds',
  'arithmetic-3d-add': 'arithmetic_3da',
  'arithmetic-3d-sub': 'arithmetic_3ds',
  'arithmetic-4d-add': 'arithmetic_4da',
  'arithmetic-4d-sub': 'arithmetic_4ds',
  'arithmetic-5d-add': 'arithmetic_5da',
  'arithmetic-5d-sub': 'arithmetic_5ds',
  'arithmetic-2d-mul': 'arithmetic_2dm',
  'arithmetic-1d-three-ops': 'arithmetic_1dc',
  'scramble-anagrams1': 'anagrams1',
  'scramble-anagrams2': 'anagrams2',
  'scramble-cycle-letters': 'cycle_letters',
  'scramble-random-insertion': 'random_insertion',
  'scramble-reversed-words': 'reversed_words',
  hellaswag: 'hellaswag',
  piqa: 'piqa',
  'arc-easy': 'arc_easy',
  'arc-challenge': 'arc_challenge',
  openbookqa: 'openbookqa',
  winogrande: 'winogrande',
  winograd: 'wsc273',
  copa: 'copa',
  wic: 'wic',
  wsc: 'wsc',
  cola: 'cola',
  sst2: 'sst2',
  mrpc: 'mrpc',
  nq: 'nq_open',
  webqs: 'webqs',
  'triviaqa-rc': 'triviaqa',
  // On our samples in the official formats, whose own files are not here.
  record: 'record',
  qqp: 'qqp',
  qnli: 'qnli',
  gsm8k: 'gsm8k',
  'storycloze-2016': 'storycloze_2016',
  'storycloze-2018': 'storycloze_2018',
  'mmlu-abstract-algebra': 'mmlu_abstract_algebra',
  'mmlu-high-school-us-history': 'mmlu_high_school_us_history',
  'mmlu-virology': 'mmlu_virology',
};
/** lm-eval's own code raises on them at k > 0. */
const ONLY_ZERO = ['squadv2', 'webqs'];
const NAMES = Object.keys(PAIRS);
const SHOTS = [0, 5] as const;
/** Of each task; EVALGPT_FULL=1 asks for more. */
const DOCUMENTS = process.env.EVALGPT_FULL ? 50 : 15;

/** Ours by lm-eval's names, where they differ. */
const METRICS: Readonly<Record<string, string>> = {
  perplexity: 'ppl_word',
  exact_match: 'em',
  exact: 'em',
  'exact_match strict-match': 'em',
  'exact_match flexible-extract': 'em_flexible',
};
const OTHERWISE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cb: { f1: 'f1_macro' },
  mrpc: { f1: 'f1_binary' },
  qqp: { f1: 'f1_binary' },
};

interface Answer {
  readonly docs: readonly {
    readonly requests: readonly [context: string, continuation: string | { until: string[] }][];
    readonly results: readonly ([logprob: number, greedy: boolean] | string)[];
  }[];
  readonly metrics: Readonly<Record<string, number>>;
}

const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const data = join(shared, 'data');
const reason = missing(python, makeCheckpoint, data);
if (reason) console.log(`lm-eval's tasks ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-tasks-'));
const model = join(folder, 'model');
const out = join(folder, 'run');
/** What is made of the data that are here, and the samples that stand for what is not. */
const made = join(folder, 'data');
const samples = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
const before = process.env.EVALGPT_DATA;
afterAll(() => {
  process.env.EVALGPT_DATA = before;
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(reason)("lm-eval's own task code", { timeout: 900_000 }, () => {
  const loaded = new Map<string, LoadedTask>();
  let record: RunRecord;
  let answers: Record<string, Record<string, Answer>>;
  const table: string[][] = [];
  afterAll(() => {
    const header = ['task', 'k', 'documents', 'prompts equal', 'largest difference', 'metrics'];
    console.log(formatTable(header, table));
  });

  beforeAll(async () => {
    process.env.EVALGPT_DATA = [data, made].join(delimiter);
    execFileSync(python, [join(import.meta.dirname, 'lm_eval_data.py'), data, made], { stdio: 'inherit' });
    for (const set of ['superglue/ReCoRD', 'qqp', 'qnli', 'gsm8k', 'storycloze', 'mmlu'])
      cpSync(join(samples, set), join(made, set), { recursive: true });
    // A small model with room for five articles.
    const shape = ['n_positions=4096', 'n_layer=2', 'n_embd=64', 'n_head=4'];
    execFileSync(python, [makeCheckpoint, 'gpt2', model, '--set', ...shape], { stdio: 'ignore' });
    const spec = { protocol: 'lm-eval', shots: SHOTS, limit: DOCUMENTS } as const;
    for (const task of selectTasks(NAMES)) {
      const warn = (message: string): void => expect(message).toMatch(/shots|published/);
      loaded.set(task.name, await loadTask(task, { ...DEFAULT_SPEC, ...spec, models: [] }, warn));
    }
    const jobs = NAMES.map((name) => {
      const { examples, shots } = loaded.get(name)!;
      const drawn = examples.map((e) => shots[0]!(e, 5).map((shot) => shot.id));
      const wanted = ONLY_ZERO.includes(name) ? {} : { 5: drawn };
      return { task: PAIRS[name], docs: examples.map((e) => e.id), shots: wanted };
    });
    const [job, answer] = [join(folder, 'job.json'), join(folder, 'answer.json')];
    writeFileSync(job, JSON.stringify({ checkpoint: model, data: [data, made], tasks: jobs }));
    const script = join(import.meta.dirname, 'lm_eval_tasks.py');
    execFileSync(python, [script, job, answer], { stdio: ['ignore', 'ignore', 'inherit'] });
    answers = JSON.parse(readFileSync(answer, 'utf8'));
    record = await evaluate({ models: [model], tasks: NAMES, ...spec }, { out, offline: true });
  }, 900_000);

  const cases = NAMES.flatMap((name) => SHOTS.map((k) => ({ name, k }))).filter(
    ({ name, k }) => !ONLY_ZERO.includes(name) || k === 0,
  );
  test.each(cases)('$name, k = $k', ({ name, k }) => {
    const { examples, protocol, shots } = loaded.get(name)!;
    const theirs = answers[PAIRS[name]!]![String(k)]!;
    expect(theirs.docs).toHaveLength(Math.min(DOCUMENTS, examples.length));
    const path = samplesPath({ model, task: name, shots: k, draw: 0 });
    const samples = new Map(
      readFileSync(join(out, path), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Sample)
        .map((sample) => [sample.id, sample]),
    );
    let largest = 0;
    let texts = 0;
    for (const [i, example] of examples.entries()) {
      const doc = theirs.docs[i]!;
      // Of F1 our first choice is the positive one, theirs the second.
      const flip = OTHERWISE[name]?.f1 === 'f1_binary';
      const requests = flip ? doc.requests.toReversed() : doc.requests;
      const results = flip ? doc.results.toReversed() : doc.results;
      const wording = protocol as PromptProtocol<Example>;
      const drawn = shots[0]!(example, k);
      const pairs = renderPairs(wording, example, drawn);
      const sample = samples.get(example.id)!;
      expect(sample, example.id).toMatchObject({ status: 'scored', shots_used: drawn.length });
      if (wording.kind === 'generate') {
        const [context, { until }] = requests[0] as [string, { until: string[] }];
        expect(pairs[0]!.context).toBe(context);
        expect(until).toEqual(wording.stop);
        // We may stop earlier where the answer can be no longer right.
        const text = sample.prediction as string;
        if (wording.maxTokens < 256) expect((results[0] as string).startsWith(text)).toBe(true);
        else if (results[0] === text) texts++;
        continue;
      }
      const asked = pairs.map(({ context, continuation }: Pair) => [context, continuation]);
      expect(asked).toEqual(requests);
      expect(sample.flags.filter((flag) => flag !== 'tie')).toEqual([]);
      for (const [n, span] of sample.spans!.entries()) {
        const [logprob, greedy] = results[n] as [number, boolean];
        largest = Math.max(largest, Math.abs(span.logprobs.reduce((sum, l) => sum + l, 0) - logprob));
        expect(span.hits.every((hit) => hit)).toBe(greedy);
      }
    }
    expect(largest).toBeLessThan(2e-3);
    const generated = protocol.kind === 'generate' && protocol.maxTokens >= 256;
    // Near ties of a random model may be broken otherwise in another batch, and the text goes another way.
    if (generated) expect(texts).toBeGreaterThanOrEqual(examples.length - 2);

    const { metrics } = record.results.find((r) => r.task === name && r.shots === k)!;
    const compared: string[] = [];
    for (const [metric, value] of Object.entries(theirs.metrics)) {
      const own = metrics[OTHERWISE[name]?.[metric] ?? METRICS[metric] ?? metric];
      expect(own, metric).toBeDefined();
      if (metric === 'perplexity') expect(Math.abs(Math.log(own!.value / value))).toBeLessThan(2e-3);
      else if (!generated || texts === examples.length) expect(own!.value, metric).toBeCloseTo(value, 9);
      compared.push(`${metric} ${value.toPrecision(4)}`);
    }
    const difference =
      protocol.kind === 'generate' ? (generated ? `${texts} texts equal` : '') : largest.toExponential(1);
    table.push([name, String(k), String(examples.length), 'yes', difference, compared.join(', ')]);
  });
});
