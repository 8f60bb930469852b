import { readTexts } from '../report/examples.ts';
import type { ItemText } from '../types.ts';
import type { CellPair, ItemPair } from './pair.ts';

/** An item whose score changed, with its text where a run folder has it. */
export interface Flip {
  readonly id: string;
  readonly cluster: string;
  readonly before: number;
  readonly after: number;
  /** Change of the right answer's log-probability, in nats; null where there is none. */
  readonly logprob: number | null;
  readonly text: string | null;
  readonly answers: readonly [before: string, after: string];
}

export interface CellFlips {
  readonly task: string;
  readonly shots: number | 'max';
  readonly lost: number;
  readonly won: number;
  /** The most changed first, lost before won. */
  readonly flips: readonly Flip[];
}

/** The items of each cell whose primary score changed, at most so many a cell. */
export async function readFlips(
  cells: readonly CellPair[],
  folder: string | null,
  most: number,
): Promise<CellFlips[]> {
  const found: CellFlips[] = [];
  for (const { before, items } of cells) {
    const changed = items.filter(
      (item) => item.before.value !== null && item.before.value !== item.after.value,
    );
    if (changed.length === 0) continue;
    const change = ({ before, after }: ItemPair): number => (after.value ?? 0) - (before.value ?? 0);
    const gold = ({ before, after }: ItemPair): number => (after.logprob ?? 0) - (before.logprob ?? 0);
    const shown = [...changed].sort((a, b) => change(a) - change(b) || gold(a) - gold(b)).slice(0, most);
    const texts = folder === null ? undefined : (await readTexts(folder, before.task.name)).items;
    found.push({
      task: before.task.name,
      shots: before.shots,
      lost: changed.filter((item) => change(item) < 0).length,
      won: changed.filter((item) => change(item) > 0).length,
      flips: shown.map(({ before, after }): Flip => {
        const text = texts?.get(before.id);
        const logprob =
          before.logprob === null || after.logprob === null ? null : after.logprob - before.logprob;
        return {
          id: before.id,
          cluster: before.cluster,
          before: before.value ?? 0,
          after: after.value ?? 0,
          logprob,
          text: text ? wording(text) : null,
          answers: [answer(before.answer, text), answer(after.answer, text)],
        };
      }),
    });
  }
  return found;
}

function wording({ context = '', delimiter = '', continuation, choices }: ItemText): string {
  if (continuation !== undefined) return `${context}[${continuation}]`;
  return choices ? `${context}${delimiter}[${choices.join(' | ')}]` : context;
}

function answer(given: number | string | boolean | null, text: ItemText | undefined): string {
  if (typeof given === 'number') return text?.choices?.[given] ?? `choice ${given}`;
  if (typeof given === 'boolean') return given ? 'right' : 'another';
  return given ?? '';
}
