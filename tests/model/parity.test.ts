import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import { random } from '../../src/stats/random.ts';
import type { Pair } from '../../src/types.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** lm-eval and transformers on the same checkpoint and the same requests, in this very run. */
const reason = missing(python, join(shared, 'peers'), join(shared, 'data'), join(shared, 'corpus'));
if (reason) console.log(`parity with lm-eval ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-parity-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lines = (path: string): string[] => readFileSync(join(shared, path), 'utf8').trim().split('\n');

/** 300 requests: real passages, questions and sums, scripts and emoji, empty and trailing-space contexts, long ones. */
function requests(): Pair[] {
  const draw = random('parity', 1);
  const pick = <T>(list: readonly T[]): T => list[draw.below(list.length)]!;
  const passages = lines('data/lambada/lambada_test.jsonl').map(
    (l) => (JSON.parse(l) as { text: string }).text,
  );
  const anli = lines('data/anli/R1/test.jsonl').map(
    (l) => JSON.parse(l) as { context: string; hypothesis: string },
  );
  const sums = lines('data/gpt3_arithmetic/two_digit_addition.jsonl').map(
    (l) => JSON.parse(l) as { context: string; completion: string },
  );
  const novel = readFileSync(join(shared, 'corpus/100_english_novels/Dickens_Bleak_1853.txt'), 'utf8');
  const cut = (from: number, length: number): string => novel.slice(from, from + length).trim();
  const pairs: Pair[] = [];
  const add = (context: string, continuation: string): number => pairs.push({ context, continuation });
  for (let i = 0; i < 80; i++) {
    const text = pick(passages);
    add(text.slice(0, text.lastIndexOf(' ')), text.slice(text.lastIndexOf(' ')));
  }
  for (let i = 0; i < 25; i++) {
    const { context, hypothesis } = pick(anli);
    for (const answer of [' True', ' Neither', ' False']) {
      add(`${context}\nQuestion: ${hypothesis} True, False, or Neither?\nAnswer:`, answer);
    }
  }
  for (let i = 0; i < 30; i++) {
    const { context, completion } = pick(sums);
    add(context, completion);
  }
  for (const text of [
    '日本語の文章です。',
    'Привет, как дела?',
    '😀😃 emoji 🎉',
    'naïve café',
    'مرحبا بالعالم',
    'हिन्दी',
    '“quotes” — dash…',
    '👩‍👩‍👧‍👦 family',
  ]) {
    add(text, ` and ${text}`);
    add(`${text} `, text);
    add(`${text}\n\n`, ' next');
  }
  for (let i = 0; i < 25; i++)
    add(
      '',
      pick(passages)
        .split(' ')
        .slice(0, 1 + draw.below(20))
        .join(' '),
    );
  for (const space of ['  ', '\n', '\t ', '   \n', '\u00a0', '\u0085']) {
    for (let i = 0; i < 3; i++)
      add(
        pick(passages)
          .slice(0, 20 + draw.below(300))
          .trimEnd() + space,
        pick(['the', '  two', ' word', '.']),
      );
  }
  for (let i = 0; i < 10; i++) {
    const from = draw.below(novel.length - 20_000);
    add(cut(from, 3800 + draw.below(2500)), ` ${cut(from + 9000, 100)}`);
  }
  while (pairs.length < 300) {
    const from = draw.below(novel.length - 2000);
    add(cut(from, 2 + draw.below(700)) || 'a', ` ${cut(from + 900, 1 + draw.below(80)) || 'a'}`);
  }
  return pairs;
}

describe.skipIf(reason !== undefined)('GPT-2 124M of random weights against lm-eval', () => {
  test('300 requests within 2e-3 nats each and no greedy flag different', { timeout: 600_000 }, async () => {
    const pairs = requests();
    expect(pairs).toHaveLength(300);
    const model = join(folder, 'gpt2');
    const [input, output] = [join(folder, 'requests.jsonl'), join(folder, 'reference.jsonl')];
    writeFileSync(input, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    execFileSync(python, [join(shared, 'peers/make_checkpoint.py'), 'gpt2', model], { stdio: 'pipe' });
    execFileSync(python, [join(shared, 'peers/lm_eval_score.py'), model, input, output], { stdio: 'pipe' });
    const references = readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as { logprob: number; greedy: boolean });
    const scorer = await openScorer(model, { join: 'lm-eval' });
    const scores = (await scorer.score(pairs).finally(() => scorer.close())) as PairScore[];
    const differences = scores.map((score, i) => Math.abs(score.logprob - references[i]!.logprob));
    console.log(
      `largest difference from lm-eval over ${pairs.length} requests: ${Math.max(...differences).toExponential(2)} nats`,
    );
    expect(Math.max(...differences)).toBeLessThan(2e-3);
    expect(scores.map((s) => s.greedy)).toEqual(references.map((r) => r.greedy));
  });
});

describe.skipIf(missing(python, join(shared, 'models')) !== undefined)(
  'trained character model against transformers',
  () => {
    test('every token of a text within 1e-4 nats', { timeout: 120_000 }, async () => {
      const model = join(shared, 'models', 'shakespeare-char-gpt');
      const text =
        'ROMEO:\nWhat light is this that yonder window breaks?\nIt is the east, and thou art but the sun.\n';
      const script = `
import json, sys, torch, transformers
from tokenizers import Tokenizer
folder, text = sys.argv[1:]
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids = torch.tensor(Tokenizer.from_file(folder + "/tokenizer.json").encode(text).ids)
with torch.no_grad(): lp = torch.log_softmax(model(ids[None]).logits[0], -1)
print(json.dumps({"logprobs": lp[:-1].gather(1, ids[1:, None])[:, 0].tolist(), "hits": (lp[:-1].argmax(-1) == ids[1:]).tolist()}))`;
      const reference = JSON.parse(
        execFileSync(python, ['-c', script, model, text], { encoding: 'utf8' }),
      ) as PairScore;
      const scorer = await openScorer(model);
      const [score] = (await scorer
        .score([{ context: text[0]!, continuation: text.slice(1) }])
        .finally(() => scorer.close())) as PairScore[];
      const differences = score!.logprobs.map((l, i) => Math.abs(l - reference.logprobs[i]!));
      expect(Math.max(...differences)).toBeLessThan(1e-4);
      expect(score!.hits).toEqual(reference.hits);
    });
  },
);

describe.skipIf(missing(python, join(shared, 'models')) !== undefined)(
  'greedy generation against transformers',
  () => {
    test('50 prompts of a trained model, token for token', { timeout: 300_000 }, async () => {
      const model = join(shared, 'models', 'shakespeare-char-gpt');
      const draw = random('generation', 1);
      const plays =
        'ROMEO:|JULIET:|First Citizen:|KING RICHARD III:|The |What |O, |Come, |My lord, |I '.split('|');
      const prompts = Array.from(
        { length: 50 },
        (_, i) =>
          `${plays[i % 10]!}\n${'And so it is, '.repeat(draw.below(4))}${'abcdefghij'[Math.floor(i / 5)]}`,
      );
      const script = `
import json, sys, torch, transformers
from tokenizers import Tokenizer
folder, prompts = sys.argv[1], json.loads(sys.argv[2])
tok = Tokenizer.from_file(folder + "/tokenizer.json")
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
out = []
for p in prompts:
    ids = torch.tensor([tok.encode(p).ids])
    with torch.no_grad(): g = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, pad_token_id=0)
    out.append(g[0, ids.shape[1]:].tolist())
print(json.dumps(out))`;
      const args = ['-c', script, model, JSON.stringify(prompts)];
      const reference = JSON.parse(
        execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      ) as number[][];
      const scorer = await openScorer(model);
      const found = await scorer.generate(prompts, { maxTokens: 40 }).finally(() => scorer.close());
      expect(found.map((f) => f.tokens)).toEqual(reference);
    });
  },
);
