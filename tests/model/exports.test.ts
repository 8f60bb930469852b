import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import type { Pair } from '../../src/types.ts';
import { missing, python, shared } from '../helpers/shared.ts';
import { TINY, writeTiny } from '../helpers/tiny-checkpoints.ts';

/** Fresh exports by torch of every architecture, against what transformers says of the checkpoints. */
const exporter = fileURLToPath(new URL('../vectors/export_onnx.py', import.meta.url));
const reason = missing(python);
if (reason) console.log(`fresh ONNX exports ${reason}`);

/** GPT-1 keeps no keys and values; merged and float16 files are alike for all the others. */
function kindsOf(name: string): string[] {
  if (name === 'gpt1') return ['plain'];
  const all = ['plain', 'gpt-neo', 'gpt-neox', 'llama'].includes(name);
  return all ? ['plain', 'past', 'merged', 'past-fp16'] : ['plain', 'past'];
}
/** Float16 rounds weights, activations and logits. */
const NEAR: Readonly<Record<string, number>> = { 'past-fp16': 0.25 };

type Reference = Pair & { readonly logprobs: number[]; readonly hits: boolean[] };
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/architectures.json', import.meta.url), 'utf8'),
) as {
  checkpoints: Record<string, Reference[]>;
  generated: Record<string, { prompt: string; tokens: number[] }[]>;
};

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-fresh-exports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the exporter on many (checkpoint, kind, file) triples in one process. */
function exportAll(jobs: readonly (readonly [string, string, string])[]): void {
  const script = `
import json, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from export_onnx import run
for job in json.loads(sys.argv[2]): run(*job)`;
  execFileSync(python, ['-W', 'ignore', '-c', script, exporter, JSON.stringify(jobs)], { stdio: 'pipe' });
}

describe.skipIf(reason !== undefined)('every architecture, exported', () => {
  const names = Object.keys(TINY);
  beforeAll(() => {
    exportAll(
      names.flatMap((name) => {
        const checkpoint = writeTiny(name, folder);
        return kindsOf(name).map((kind) => [checkpoint, kind, join(checkpoint, `${kind}.onnx`)] as const);
      }),
    );
  }, 600_000);

  test.each(names.flatMap((name) => kindsOf(name).map((kind) => [name, kind] as const)))(
    '%s, %s',
    async (name, kind) => {
      const scorer = await openScorer(join(folder, name, `${kind}.onnx`));
      const references = vectors.checkpoints[name]!;
      const found = (await scorer.score(references)) as PairScore[];
      const prompts = vectors.generated[name]!;
      const generated = await scorer.generate(
        prompts.map(({ prompt }) => prompt),
        { maxTokens: 20 },
      );
      await scorer.close();
      for (const [i, { logprobs, hits }] of references.entries()) {
        const difference = Math.max(...found[i]!.logprobs.map((l, t) => Math.abs(l - logprobs[t]!)));
        expect(difference, references[i]!.context).toBeLessThan(NEAR[kind] ?? 1e-4);
        if (!(kind in NEAR)) expect(found[i]!.hits).toEqual(hits);
      }
      if (kind in NEAR) return;
      for (const [i, { tokens }] of prompts.entries()) {
        const end = tokens.indexOf(256);
        expect(generated[i]!.tokens).toEqual(end < 0 ? tokens : tokens.slice(0, end));
      }
    },
  );
});

const big = missing(python, join(shared, 'peers'), join(shared, 'data', 'lambada'));
describe.skipIf(big !== undefined)('GPT-2 124M of random weights, exported', () => {
  test('100 requests within 2e-3 nats of lm-eval on the checkpoint, and no greedy flag different', {
    timeout: 600_000,
  }, async () => {
    const texts = readFileSync(join(shared, 'data/lambada/lambada_test.jsonl'), 'utf8')
      .split('\n', 50)
      .map((line) => (JSON.parse(line) as { text: string }).text);
    const pairs = texts.flatMap((text) => {
      const at = text.lastIndexOf(' ');
      return [text.slice(at), ' something else'].map((continuation) => ({
        context: `A story.\n\n${text.slice(0, at)}`,
        continuation,
      }));
    });
    const model = join(folder, 'gpt2');
    const [input, output] = [join(folder, 'requests.jsonl'), join(folder, 'reference.jsonl')];
    writeFileSync(input, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    execFileSync(python, [join(shared, 'peers/make_checkpoint.py'), 'gpt2', model], { stdio: 'pipe' });
    execFileSync(python, [join(shared, 'peers/lm_eval_score.py'), model, input, output], { stdio: 'pipe' });
    const references = readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { logprob: number; greedy: boolean });
    for (const kind of ['plain', 'past']) {
      const file = join(model, `${kind}.onnx`);
      exportAll([[model, kind, file]]);
      const scorer = await openScorer(file, { join: 'lm-eval' });
      const scores = (await scorer.score(pairs).finally(() => scorer.close())) as PairScore[];
      const difference = Math.max(...scores.map((s, i) => Math.abs(s.logprob - references[i]!.logprob)));
      console.log(`export ${kind}: largest difference from lm-eval ${difference.toExponential(2)} nats`);
      expect(difference).toBeLessThan(2e-3);
      expect(scores.map((s) => s.greedy)).toEqual(references.map((r) => r.greedy));
      rmSync(file);
    }
  });
});
