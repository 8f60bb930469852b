import { UserError } from '../errors.ts';
import type { CellResult } from '../record.ts';
import type { Sample } from '../types.ts';

/** Metrics that are more than the mean of their items' values, or of other values. */
const NO_MEAN =
  /^(ppl|bp)|_group$|^(f1_macro|f1_binary|mcc|mcc_ranked|pearson|spearman|bleu|bleu_intl|chrf)$/;
/** Means of the same numbers in another order differ by less. */
const ROUNDING = 1e-9;

/** Adds up a cell's samples as they are read, to tell in the end whether its result is made of them. */
export interface Agreement {
  add(sample: Sample): void;
  /** @throws UserError where samples are missing, are there twice, or have other values than the result says */
  end(): void;
}

/**
 * A result and its samples lie in two files, and a report shows one beside the other: where one was cut or changed,
 * no number of it holds.
 * @param path of the samples
 */
export function agreement(path: string, result: CellResult): Agreement {
  const { primary, n, unscored, metrics } = result;
  const ids = new Set<string>();
  let [scored, sum] = [0, 0];
  return {
    add({ id, status, values }) {
      if (ids.has(id)) throw new UserError(`${path}: the item "${id}" stands in it twice`);
      ids.add(id);
      if (status !== 'scored') return;
      scored++;
      sum += values?.[primary] ?? Number.NaN;
    },
    end() {
      if (scored !== n || ids.size !== n + unscored) {
        throw new UserError(
          `${path}: expected ${n} scored items of ${n + unscored}, as run.json says, found ${scored} of ${ids.size}: the run folder was changed`,
        );
      }
      const said = metrics[primary]?.value;
      if (n === 0 || said === undefined || NO_MEAN.test(primary) || Number.isNaN(sum)) return;
      if (Math.abs(sum / n - said) > ROUNDING * Math.max(1, Math.abs(said))) {
        throw new UserError(
          `${path}: its items' mean ${primary} is ${sum / n}, but run.json says ${said}: the run folder was changed`,
        );
      }
    },
  };
}
