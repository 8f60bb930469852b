import { logGamma, normalCdf } from './special.ts';

/**
 * Evidence that is gathered item by item and may be looked at after each: under the hypothesis it ever exceeds 1/alpha
 * with probability alpha at most (Ville 1939), so 1 / evidence is a p-value whenever it is asked. It is the evidence
 * of all items so far, not the largest on the way: later items may speak against earlier ones.
 */
export interface EProcess {
  /** Takes the next item's difference. */
  add(difference: number): void;
  /** Of the hypothesis, valid whenever it is asked. */
  readonly p: number;
}

function eProcess(logValue: (difference: number) => number): EProcess {
  let log = 0;
  return {
    add(difference) {
      log = logValue(difference);
    },
    get p() {
      return Math.min(1, Math.exp(-log));
    },
  };
}

/**
 * No difference between paired right and wrong answers, two-sided: of the answers that changed, as many are won as
 * lost. The likelihood ratio against any other share, mixed over all shares alike, is 2^(b + c) b! c! / (b + c + 1)!
 * after b lost and c won (Robbins 1970).
 */
export function changedAnswers(): EProcess {
  let [lost, won] = [0, 0];
  return eProcess((difference) => {
    if (difference < 0) lost++;
    if (difference > 0) won++;
    const n = lost + won;
    return n * Math.LN2 + logGamma(lost + 1) + logGamma(won + 1) - logGamma(n + 2);
  });
}

/** Shares of the capital that are bet at a time. */
const STAKES: readonly number[] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64];

/**
 * The mean of differences that lie within -1 and 1 is 0, two-sided: capital that grows by bets on each item, on gains
 * and on losses at several stakes (Waudby-Smith and Ramdas 2024). Sizes count, not signs alone.
 */
export function meanIsZero(): EProcess {
  const bets = STAKES.flatMap((stake) => [stake, -stake]);
  const capitals = bets.map(() => 0);
  return eProcess((difference) => {
    for (const [i, bet] of bets.entries())
      capitals[i] = (capitals[i] as number) + Math.log1p(bet * difference);
    return logMean(capitals);
  });
}

/**
 * The mean of differences that lie within -1 and 1 is at most `-margin`: capital that grows by bets on each item
 * against it, at several stakes. Evidence against says that the loss is smaller. Half of the capital is on a bet that
 * pays 1 / (1 - margin) an item and is lost with the first loss, of which the hypothesis has a share of `margin` at
 * least.
 */
export function lossAtLeast(margin: number): EProcess {
  const capitals = STAKES.map(() => 0);
  let unharmed = 0;
  return eProcess((difference) => {
    for (const [i, stake] of STAKES.entries())
      capitals[i] = (capitals[i] as number) + Math.log1p((stake * (difference + margin)) / (1 + margin));
    unharmed = difference < 0 ? Number.NEGATIVE_INFINITY : unharmed - Math.log1p(-margin);
    return logMean([logMean(capitals), unharmed]);
  });
}

/** Logarithm of the mean of exponentials. */
function logMean(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most + Math.log(logs.reduce((sum, l) => sum + Math.exp(l - most), 0) / logs.length);
}

/** Spread of the effects that are looked for, in standard deviations of an item's difference. */
const EFFECT = 0.15;

/**
 * Differences are symmetric about 0: the self-normalised mixture of exp(l S - l^2 V / 2) over normal l, of the sum S
 * and the sum of squares V of the differences on the scale of those before them (de la Peña 1999). The first
 * difference sets the scale and does not count.
 * @param side 0 for two sides; 1 where only differences above 0 are evidence
 */
export function symmetric(side: 0 | 1): EProcess {
  let [n, squares, s, v] = [0, 0, 0, 0];
  return eProcess((difference) => {
    const scale = n > 0 ? Math.sqrt(squares / n) : 0;
    n++;
    squares += difference ** 2;
    if (scale === 0) return 0;
    s += difference / scale;
    v += (difference / scale) ** 2;
    const spread = 1 + EFFECT ** 2 * v;
    const two = -Math.log(spread) / 2 + (EFFECT ** 2 * s ** 2) / (2 * spread);
    if (side === 0) return two;
    // The half normal: twice the mixture over l > 0.
    return two + Math.LN2 + Math.log(normalCdf((EFFECT * s) / Math.sqrt(spread)));
  });
}
