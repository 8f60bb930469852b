import type { DataRecord } from '../src/data/records.ts';
import { bleuCounts } from '../src/metrics/text/bleu.ts';
import { chrfCounts } from '../src/metrics/text/chrf.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example, ProtocolName } from '../src/types.ts';

export interface Translation extends Example {
  readonly source: string;
  readonly target: string;
}

const LANGUAGES = {
  ar: 'Arabic',
  cs: 'Czech',
  de: 'German',
  en: 'English',
  es: 'Spanish',
  fi: 'Finnish',
  fr: 'French',
  hi: 'Hindi',
  it: 'Italian',
  ja: 'Japanese',
  nl: 'Dutch',
  pt: 'Portuguese',
  ro: 'Romanian',
  ru: 'Russian',
  sw: 'Swahili',
  tr: 'Turkish',
  zh: 'Chinese',
} as const;
type Language = keyof typeof LANGUAGES;

const counts = (e: Translation, text: string): Record<string, number[]> => ({
  bleu: bleuCounts(text, [e.target], '13a'),
  bleu_intl: bleuCounts(text, [e.target], 'intl'),
  chrf: chrfCounts(text, [e.target]),
});

/** The wordings of the papers and of lm-eval between two languages, by their English names. */
export function wordings(
  from: string,
  to: string,
  inLmEval: string | undefined,
): Partial<Record<ProtocolName, GenerateProtocol<Translation>>> {
  const lmEvalContext = (e: Translation): string => `${from} phrase: ${e.source}\n${to} phrase:`;
  const lmEval: GenerateProtocol<Translation> = {
    kind: 'generate',
    source: `lm-eval 0.4.13 ${inLmEval}`,
    context: lmEvalContext,
    // lm-eval's target delimiter, a space, stands before a target that begins with one.
    shot: (e) => `${lmEvalContext(e)}  ${e.target}`,
    separator: '\n\n',
    draw: 'fixed',
    stop: ['\n'],
    maxTokens: 256,
    gold: (e) => ` ${e.target}`,
    judge: () => ({}),
    counts: (e, text) => counts(e, text),
    metrics: ['bleu', 'bleu_intl', 'chrf'],
  };
  const equation = (e: Translation): string => `${e.source} =`;
  const gpt2: GenerateProtocol<Translation> = {
    ...lmEval,
    source: 'GPT-2 paper, section 3.7: greedy, the first sentence written',
    context: equation,
    shot: (e) => `${equation(e)} ${e.target}`,
    separator: '\n',
    counts: (e, text) => counts(e, firstSentence(text)),
  };
  const gpt3: GenerateProtocol<Translation> = {
    ...lmEval,
    source: 'GPT-3 paper, figures G.36 to G.41, section 2.4; BLEU as in appendix H, tok.intl',
    context: (e, shots) => (shots === 0 ? `Q: What is the ${to} translation of ${e.source} A:` : equation(e)),
    shot: (e) => `${equation(e)} ${e.target}`,
    draw: 'per-example',
    beams: GPT3_BEAMS,
    metrics: ['bleu_intl', 'bleu', 'chrf'],
  };
  return inLmEval === undefined ? { gpt2, gpt3 } : { 'lm-eval': lmEval, gpt2, gpt3 };
}

/** Up to the first mark that ends a sentence, closing quotes and brackets included. */
function firstSentence(text: string): string {
  const own = strip(text);
  const end = /[.!?…。！？]["'»”’)\]]*(?=\s|$)/u.exec(own);
  return end ? own.slice(0, end.index + end[0].length) : own;
}

function define(
  name: string,
  title: string,
  [from, to]: readonly [Language, Language],
  data: {
    readonly dataset: string;
    readonly split: string;
    readonly examples: number;
    readonly shotSplits: readonly string[];
    /** The columns that hold source and target. */
    readonly columns: readonly [source: string, target: string];
    readonly protocol: ProtocolName;
    readonly published?: string;
  },
): Task {
  const { columns, ...rest } = data;
  return defineTask<Translation>({
    ...rest,
    name,
    version: 1,
    title: `${title}, ${LANGUAGES[from]} to ${LANGUAGES[to]}`,
    decode: (record: DataRecord) => ({
      id: String(record.line),
      source: record.string(columns[0]),
      target: record.string(columns[1]),
    }),
    fields: ({ source, target }) => ({ source, target }),
    protocols: wordings(LANGUAGES[from], LANGUAGES[to], data.dataset.startsWith('wmt') ? name : undefined),
    chance: null,
    ...(data.published === undefined ? {} : { paperShots: 64 }),
  });
}

const bothWays = (a: Language, b: Language): (readonly [Language, Language])[] => [
  [a, b],
  [b, a],
];

/** The six pairs of the GPT-3 paper (section 3.3); a pair's test sets are published for each direction. */
const wmt = [
  ...bothWays('fr', 'en').map((pair) => ({ pair, year: 14 })),
  ...[...bothWays('de', 'en'), ...bothWays('ro', 'en')].map((pair) => ({ pair, year: 16 })),
].map(({ pair: [from, to], year }) => {
  const capital = (language: string): string => language[0]?.toUpperCase() + language.slice(1);
  return define(`wmt${year}-${from}-${to}`, `WMT ${year} news translation`, [from, to], {
    dataset: year === 14 ? 'wmt14-fr-en' : `wmt16-${from === 'en' ? to : from}-en`,
    split: `${from}-${to}`,
    examples: year === 14 ? 3003 : [from, to].includes('ro') ? 1999 : 2999,
    shotSplits: [],
    columns: ['source', 'target'],
    protocol: 'lm-eval',
    published: `${capital(from)}->${capital(to)} ${year}`,
  });
});

const FLORES: Readonly<Partial<Record<Language, string>>> = {
  ar: 'arb_Arab',
  cs: 'ces_Latn',
  de: 'deu_Latn',
  es: 'spa_Latn',
  fi: 'fin_Latn',
  fr: 'fra_Latn',
  hi: 'hin_Deva',
  it: 'ita_Latn',
  ja: 'jpn_Jpan',
  nl: 'nld_Latn',
  pt: 'por_Latn',
  ro: 'ron_Latn',
  ru: 'rus_Cyrl',
  sw: 'swh_Latn',
  tr: 'tur_Latn',
  zh: 'zho_Hans',
};

const floresColumn = (language: Language): string => FLORES[language] ?? 'eng_Latn';

const flores = (Object.keys(FLORES) as Language[])
  .flatMap((language) => bothWays('en', language))
  .map(([from, to]) =>
    define(`flores-${from}-${to}`, 'FLORES-200', [from, to], {
      dataset: 'flores200',
      split: 'devtest',
      examples: 1012,
      shotSplits: ['dev'],
      columns: [floresColumn(from), floresColumn(to)],
      protocol: 'gpt3',
    }),
  );

const multi30k = (['de', 'fr', 'cs'] as const)
  .flatMap((language) => bothWays('en', language))
  .map(([from, to]) =>
    define(`multi30k-${from}-${to}`, 'Multi30k, captions of 2016', [from, to], {
      dataset: 'multi30k',
      split: 'test',
      examples: 1000,
      shotSplits: ['train', 'validation'],
      columns: [from, to],
      protocol: 'gpt3',
    }),
  );

const tasks: readonly Task[] = [...wmt, ...flores, ...multi30k];

export default tasks;
