import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confusionOf, f1Binary, mcc, pearson, spearman } from '../../src/metrics/correlation.ts';
import { type BleuTokenizer, bleuCounts, bleuScore } from '../../src/metrics/text/bleu.ts';
import { tokenize13a, tokenizeIntl } from '../../src/metrics/text/bleu-tokenizers.ts';
import { chrfCounts, chrfScore } from '../../src/metrics/text/chrf.ts';
import { coqaScores } from '../../src/metrics/text/coqa.ts';
import { dropScores } from '../../src/metrics/text/drop.ts';
import { triviaqaNormalise } from '../../src/metrics/text/em.ts';
import { floatText, pythonFloat } from '../../src/metrics/text/python-float.ts';
import { quacScore } from '../../src/metrics/text/quac.ts';
import { rouge } from '../../src/metrics/text/rouge.ts';
import { normaliseAnswer, squadEm, squadF1 } from '../../src/metrics/text/squad.ts';
import { PYTHON_SPACE } from '../../src/space.ts';
import { random } from '../../src/stats/random.ts';
import { adversarialTexts, HARD_TEXTS } from '../helpers/adversarial.ts';
import { missing, python, shared } from '../helpers/shared.ts';
import { summed } from '../helpers/text-vectors.ts';

/** Text metrics on real translations and on texts meant to break them, against others' code in this very run. */
const folder = join(shared, 'data', 'wmt14');
const reason = missing(python, folder);
if (reason) console.log(`text metrics ${reason}`);

const source = random('text metrics', 1);
const pick = <T>(list: readonly T[]): T => list[source.below(list.length)]!;
const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const SETS = { 'fr-en': 'fren-ref.en', 'en-fr': 'fren-ref.fr', 'en-de': 'deen-ref.de' } as const;
const MORE_SETS = { 'en-ru': 'ruen-ref.ru', 'en-cs': 'csen-ref.cs' } as const;
const CUTS: readonly BleuTokenizer[] = ['13a', 'intl', 'none'];

/** The first thousand segments of a side of newstest2014. */
function segments(name: string): string[] {
  const text = readFileSync(join(folder, `newstest2014-${name}.sgm`), 'utf8');
  return [...text.matchAll(/<seg id="\d+">(.*?)<\/seg>/g)].slice(0, 1000).map((match) => match[1]!);
}

/** What a poor translator would write: words dropped, doubled, swapped, in other case, punctuation astray. */
function distorted(text: string): string {
  const found = text.split(' ').flatMap((word) => {
    const kind = source.below(20);
    if (kind === 0) return [];
    if (kind === 1) return [word, word];
    if (kind === 2) return [word.toUpperCase()];
    if (kind === 3) return [word.toLowerCase()];
    if (kind === 4) return [word.replace(/[.,;:!?"'’»«„“-]/g, '')];
    if (kind === 5)
      return [word + pick([',', '.', ' .', '!', '–', '-', '"', '»', '&quot;', '&amp;', '€', '1.', '\u00a0'])];
    if (kind === 6) return [pick(['the', 'de', 'и', '1,5', '%', 'x'])];
    return [word];
  });
  for (let i = 0; i + 1 < found.length; i++) {
    if (source.below(12) === 0) [found[i], found[i + 1]] = [found[i + 1]!, found[i]!];
  }
  return source.below(100) === 0 ? '' : found.join(' ') + pick(['', '', '', ' ', '\u00a0', '.', ' .']);
}

const WORDS =
  "a an the The THE barn cat naïve Σ ΟΔΟΣ İ Straße 5 5.0 $5 1,000 1e3 ٣ 3rd half-back 1_000 nan inf . ... -- “x” O’Brien it's U.S. 東京 the東京 e\u0301the the\u0301 x".split(
    ' ',
  );
const phrase = (): string =>
  many(source.below(6), () => pick(WORDS)).join(pick([' ', ' ', ' ', '  ', '-', '\n', '\u00a0']));

function questions() {
  const real = Object.entries({ ...SETS, ...MORE_SETS }).map(([name, file]) => {
    const references = segments(file);
    const [hypotheses, others] = [references.map(distorted), references.map(distorted)];
    return { name, hypotheses, references: name === 'fr-en' ? [references, others] : [references] };
  });
  real.push({ ...real[0]!, name: 'fr-en, one reference', references: [real[0]!.references[0]!] });
  const texts = [...HARD_TEXTS, ...adversarialTexts(4000)];
  const nasty = {
    name: 'adversarial',
    hypotheses: texts,
    references: [
      texts.map((text, i) => [...texts[(i * 7 + 1) % texts.length]!].slice(0, 20).join('') + text),
    ],
  };
  const marked = many(3000, () =>
    many(1 + source.below(14), () =>
      pick([...'.,-–&;«»€$%+ ab1٣½字\u0301\t\n', '&quot;', '&lt;', '-\n']),
    ).join(''),
  );
  const answer = (): string => (source.below(6) === 0 ? 'CANNOTANSWER' : phrase());
  const golds = (): string[] => many(1 + source.below(4), answer);
  return {
    sets: [...real, nasty],
    lines: [...texts, ...marked],
    pairs: [
      ...many(3000, () => [phrase(), phrase()] as const),
      ...texts.slice(0, 1000).map((t, i) => [t, texts[i + 1]!] as const),
    ],
    answers: many(3000, () => [answer(), golds()] as const),
    drop: many(10_000, () => {
      const spans = (): string[] => many(1 + source.below(10), () => phrase());
      return [pick([phrase(), spans()]), many(1 + source.below(3), spans)] as const;
    }),
    numbers: many(5000, () =>
      many(1 + source.below(7), () => pick([...'0123456789019.._eE+-٣५𝟘 ', 'inf', 'nan'])).join(''),
    ),
    labels: many(300, () => {
      const length = 1 + source.below(40);
      return [many(length, () => source.below(2)), many(length, () => source.below(2))] as const;
    }),
    correlations: many(300, () => {
      const length = 2 + source.below(40);
      return [many(length, () => source.below(8) / 4), many(length, () => source.next() * 100 - 50)] as const;
    }),
  };
}

interface Corpus {
  readonly counts: number[][];
  readonly score: number;
}
interface Answers {
  readonly versions: Record<string, string>;
  readonly bleu: Corpus[];
  readonly chrf: Corpus[];
  readonly tokenised: [string[], string[]][];
  readonly letters: [string, string[], string[], string][];
  readonly rouge: [number, number, number][];
  readonly squad: [string, number, number][];
  readonly triviaqa: string[];
  readonly coqa: [number, number][];
  readonly quac: [number, number][];
  readonly drop: [number, number][];
  readonly numbers: (string | null)[];
  readonly labels: [number, number][];
  readonly correlations: [number | null, number | null][];
}

const cutRight = new RegExp(`[${PYTHON_SPACE}]+$`);

describe.skipIf(reason)('text metrics equal the reference', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'evalgpt-text-metrics-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  let asked: ReturnType<typeof questions>;
  let wanted: Answers;

  beforeAll(() => {
    asked = questions();
    const [input, output] = [join(scratch, 'questions'), join(scratch, 'answers')];
    const bleu = asked.sets.flatMap(({ hypotheses, references }) =>
      CUTS.map((cut) => [hypotheses, references, cut, cut === 'none' ? 'none' : 'exp']),
    );
    const chrf = asked.sets.map(({ hypotheses, references }) => [hypotheses, references]);
    writeFileSync(input, JSON.stringify({ ...asked, bleu, chrf }));
    const script = fileURLToPath(new URL('text_metrics.py', import.meta.url));
    execFileSync(python, [script, input, output], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000 });
    wanted = JSON.parse(readFileSync(output, 'utf8')) as Answers;
    console.log(`text metrics against ${JSON.stringify(wanted.versions)}`);
  }, 600_000);

  /** Where what was found is not what was wanted, at most ten of them. */
  function unlike<T>(
    items: readonly T[],
    found: (item: T) => unknown,
    expected: readonly unknown[],
  ): unknown[] {
    expect(items).toHaveLength(expected.length);
    return items
      .flatMap((item, i) => {
        const own = JSON.stringify(found(item));
        return own === JSON.stringify(expected[i]) ? [] : [{ item, own, expected: expected[i] }];
      })
      .slice(0, 10);
  }
  /** Fourteen digits of each number. */
  const near = (values: readonly (number | null)[]): (number | null)[] =>
    values.map((v) => (v === null || Number.isNaN(v) ? null : Number(v.toFixed(12)) + 0));

  test('BLEU and chrF: every count of every sentence, and the scores', () => {
    const off: number[] = [];
    for (const [s, { name, hypotheses, references }] of asked.sets.entries()) {
      const ofItem = (i: number): string[] => references.map((set) => set[i]!);
      const counted = [
        ...CUTS.map((cut, c) => {
          const start = performance.now();
          const counts = hypotheses.map((text, i) => bleuCounts(text, ofItem(i), cut));
          const score = bleuScore(summed(counts), cut === 'none' ? 'none' : 'exp');
          const took = performance.now() - start;
          return { what: `BLEU ${cut}`, counts, score, took, expected: wanted.bleu[s * CUTS.length + c]! };
        }),
        (() => {
          const start = performance.now();
          const counts = hypotheses.map((text, i) => chrfCounts(text, ofItem(i)));
          const score = chrfScore(summed(counts));
          return { what: 'chrF', counts, score, took: performance.now() - start, expected: wanted.chrf[s]! };
        })(),
      ];
      for (const { what, counts, score, took, expected } of counted) {
        expect(
          unlike(counts, (row) => row, expected.counts),
          `${name}, ${what}`,
        ).toEqual([]);
        off.push(Math.abs(score - expected.score));
        if (name !== 'adversarial') expect(score).toBeGreaterThan(20);
        console.log(`${name}, ${what}: ${score} of ${hypotheses.length} sentences in ${took.toFixed(0)} ms`);
      }
    }
    console.log(`largest difference of ${off.length} scores: ${Math.max(...off).toExponential(1)}`);
    expect(Math.max(...off)).toBeLessThan(1e-9);
  });

  test('tokenisers: thousands of nasty lines', () => {
    const cut = (line: string): [string[], string[]] => {
      const text = line.replace(cutRight, '');
      return [tokenize13a(text), tokenizeIntl(text)];
    };
    expect(asked.lines.length).toBeGreaterThan(7000);
    expect(unlike(asked.lines, cut, wanted.tokenised)).toEqual([]);
  });

  test('every code point that both know: punctuation, symbols, numbers, lower case, edges of words', () => {
    const cut = ([c]: Answers['letters'][number]): unknown => {
      const line = `a${c}b 1${c}2 ${c} a${c}1${c}`;
      const text = line.replace(cutRight, '');
      return [c, tokenize13a(text), tokenizeIntl(text), normaliseAnswer(`${line} ${c}the${c} the${c}x`)];
    };
    expect(wanted.letters.length).toBeGreaterThan(270_000);
    expect(unlike(wanted.letters, cut, wanted.letters)).toEqual([]);
  });

  test('answers: SQuAD, CoQA, QuAC, DROP, TriviaQA, ROUGE', () => {
    const { pairs, answers } = asked;
    const of = <T>(rows: readonly T[], numbers: (row: T) => (number | null)[]): unknown[] =>
      rows.map((row) => near(numbers(row)));
    expect(
      unlike(
        pairs,
        ([p]) => normaliseAnswer(p),
        wanted.squad.map(([text]) => text),
      ),
    ).toEqual([]);
    expect(
      unlike(
        pairs,
        ([p, g]) => near([squadEm(p, g), squadF1(p, g)]),
        of(wanted.squad, ([, em, f1]) => [em, f1]),
      ),
    ).toEqual([]);
    expect(unlike(pairs, ([p]) => triviaqaNormalise(p), wanted.triviaqa)).toEqual([]);
    expect(
      unlike(
        pairs,
        ([r, p]) => near(Object.values(rouge(r, p))),
        of(wanted.rouge, (row) => row),
      ),
    ).toEqual([]);
    expect(
      unlike(
        answers,
        ([p, g]) => near(Object.values(coqaScores(p, g))),
        of(wanted.coqa, (row) => row),
      ),
    ).toEqual([]);
    expect(
      unlike(
        answers,
        ([p, g]) => near(Object.values(quacScore(p, g))),
        of(wanted.quac, (row) => row),
      ),
    ).toEqual([]);
    expect(unlike(asked.drop, ([p, g]) => Object.values(dropScores(p, g)), wanted.drop)).toEqual([]);
    // Where nearly all were 0, nothing would be shown.
    const share = (rows: readonly number[][], at: number): number =>
      rows.filter((row) => row[at]! > 0 && row[at]! < 1).length / rows.length;
    expect(share(wanted.coqa, 1)).toBeGreaterThan(0.2);
    expect(share(wanted.quac, 0)).toBeGreaterThan(0.1);
    expect(share(wanted.drop, 1)).toBeGreaterThan(0.2);
    expect(share(wanted.rouge, 1)).toBeGreaterThan(0.01);
  });

  test("Python's float and its text", () => {
    const found = (text: string): string | null => {
      const number = pythonFloat(text);
      return number === undefined ? null : floatText(number);
    };
    expect(unlike(asked.numbers, found, wanted.numbers)).toEqual([]);
    expect(wanted.numbers.filter((n) => n !== null).length).toBeGreaterThan(1000);
  });

  test('correlations and F1 of labels', () => {
    expect(
      unlike(
        asked.labels,
        ([p, g]) => near([mcc(confusionOf(p, g, 1)), f1Binary(p, g, 1)]),
        wanted.labels.map(near),
      ),
    ).toEqual([]);
    expect(
      unlike(
        asked.correlations,
        ([x, y]) => near([pearson(x, y), spearman(x, y)]),
        wanted.correlations.map(near),
      ),
    ).toEqual([]);
  });
});
