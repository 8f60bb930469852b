import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import type { Pair } from '../../src/types.ts';
import { spawnServe } from '../helpers/served.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** A client that we did not write: lm-eval's `local-completions`. */
const lambada = join(shared, 'data', 'lambada', 'lambada_test.jsonl');
const reason = missing(python, join(shared, 'peers'), lambada);
if (reason) console.log(`lm-eval against evalgpt serve ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-lm-eval-served-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = fileURLToPath(new URL('serve_lm_eval.py', import.meta.url));

interface Answers {
  readonly scores: readonly (readonly [logprob: number, greedy: boolean])[];
  readonly texts: readonly string[];
}

const SETTINGS = [
  { batch_size: 1, num_concurrent: 1 },
  { batch_size: 1, num_concurrent: 8 },
  { batch_size: 4, num_concurrent: 4, tokenized_requests: false },
];
const MAX_TOKENS = 12;

describe.skipIf(reason !== undefined)('lm-eval through evalgpt serve', () => {
  test('100 LAMBADA items have the values and greedy flags that they have in process', {
    timeout: 600_000,
  }, async () => {
    const model = join(folder, 'gpt2');
    execFileSync(python, [join(shared, 'peers/make_checkpoint.py'), 'gpt2', model], { stdio: 'pipe' });
    const passages = readFileSync(lambada, 'utf8')
      .trim()
      .split('\n')
      .slice(0, 100)
      .map((line) => (JSON.parse(line) as { text: string }).text);
    const pairs: Pair[] = passages.map((text) => {
      const at = text.lastIndexOf(' ');
      return { context: text.slice(0, at), continuation: text.slice(at) };
    });
    const prompts = passages.slice(0, 10).map((text) => text.slice(0, 120).trimEnd());
    const until = [' zzz', '\n\n'];

    const scorer = await openScorer(model, { join: 'lm-eval' });
    // Weights that were drawn never answer rightly: what the model itself would say shows the other flag.
    const said = await scorer.generate(prompts, { maxTokens: 2 });
    pairs.push(...said.map(({ text }, i) => ({ context: prompts[i] as string, continuation: text })));
    const expected = (await scorer.score(pairs)) as PairScore[];
    const texts = await scorer.generate(prompts, { maxTokens: MAX_TOKENS, stop: until });
    await scorer.close();
    expect(new Set(expected.map(({ greedy }) => greedy))).toEqual(new Set([true, false]));

    await using served = await spawnServe(['--model', model, '--device', 'cpu']);
    const [job, out] = [join(folder, 'job.json'), join(folder, 'out.json')];
    const asked = pairs.map(({ context, continuation }) => [context, continuation]);
    writeFileSync(
      job,
      JSON.stringify({ pairs: asked, prompts, until, max_gen_toks: MAX_TOKENS, settings: SETTINGS }),
    );
    execFileSync(python, [script, served.url, 'gpt2', model, job, out], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const answers = JSON.parse(readFileSync(out, 'utf8')) as Answers[];
    expect(answers).toHaveLength(SETTINGS.length);
    for (const [i, answer] of answers.entries()) {
      expect(answer.scores.map(([, greedy]) => greedy)).toEqual(expected.map(({ greedy }) => greedy));
      expect(answer.texts).toEqual(texts.map(({ text }) => text));
      const differences = answer.scores.map(([logprob], n) =>
        Math.abs(logprob - (expected[n]?.logprob ?? Number.NaN)),
      );
      console.log(
        `${JSON.stringify(SETTINGS[i])}: ${Math.max(...differences).toExponential(1)} nats a request at most`,
      );
      expect(Math.max(...differences)).toBeLessThan(1e-4);
    }
  });
});
