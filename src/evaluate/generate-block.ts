import { judgeText } from '../metrics/sample.ts';
import { generatedTokens } from '../prompts/fit.ts';
import { beam } from '../scoring/beam.ts';
import { cutAt, type Generated, type GenerationRequest, generate } from '../scoring/generate.ts';
import type { GenerateProtocol } from '../task.ts';
import type { Example } from '../types.ts';
import type { BlockContext, Item } from './blocks.ts';
import { digits, scoredSample } from './sample-of.ts';

/**
 * Items that are written together. A resumed run writes a group again whole where any item of it is open: a
 * log-probability's last digits depend on the company, and results must be the same to the byte.
 */
const GROUP = 64;

/** Has the model write the answers of a block's items, group by group. */
export async function generateBlock(
  block: readonly Item[],
  open: readonly boolean[],
  protocol: GenerateProtocol<Example>,
  { model, backend, signal, onStep, finish, counts }: BlockContext,
): Promise<void> {
  const { tokenizer, contextLength, endTokens, architecture } = model;
  const { vocabularySize } = architecture;
  const maxTokens = generatedTokens(protocol, contextLength);
  // A step feeds a token of each hypothesis.
  const fed = maxTokens * (protocol.beams?.width ?? 1);
  const writable = [...block.keys()].filter((i) => (block[i] as Item).prompt.requests.length > 0);
  for (let from = 0; from < writable.length; from += GROUP) {
    const group = writable.slice(from, from + GROUP);
    const requests = group.map((i): GenerationRequest => {
      const { tokens } = (block[i] as Item).prompt.requests[0] as { tokens: Int32Array };
      counts.requested += tokens.length + fed;
      counts.planned += tokens.length + fed;
      const stop = (ids: readonly number[]): boolean =>
        cutAt(tokenizer.decode(ids), protocol.stop) !== undefined;
      return { prompt: tokens, maxTokens, stop, stopStrings: protocol.stop };
    });
    if (!group.some((i) => open[i])) continue;
    const options = { contextLength, endTokens, signal, onStep };
    const texts: AsyncGenerator<[number, Generated & { readonly hits?: readonly boolean[] }]> = protocol.beams
      ? beam(requests, await backend(), { ...options, ...protocol.beams, penalty: 'gnmt', vocabularySize })
      : generate(requests, await backend(), options);
    for await (const [at, text] of texts) {
      const index = group[at] as number;
      if (!open[index]) continue;
      const item = block[index] as Item;
      const { tokens, logprobs } = text;
      const hits = text.hits ?? tokens.map(() => true);
      const whole = text.text ?? tokenizer.decode(tokens);
      const answer = cutAt(whole, protocol.stop) ?? whole;
      counts.scored += tokens.length;
      const span = { tokens, logprobs: logprobs.map(digits), hits };
      finish(item, scoredSample(item, [span], judgeText(protocol, item.prompt.example, answer)));
    }
  }
}
