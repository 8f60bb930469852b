import type { DataRecord } from '../src/data/records.ts';
import { detokenise } from '../src/detokenise.ts';
import { words } from '../src/metrics/text/words.ts';
import { unitsOf } from '../src/metrics/units.ts';
import { defineTask, type MetricName, type RollingProtocol, type Task, type Units } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Document extends Example {
  /** As the file has it. */
  readonly original: string;
  /** Line ends of the file that it takes up. */
  readonly lines: number;
}

const METRICS: readonly MetricName[] = ['ppl_word', 'ppl_token', 'ppl_byte', 'bpb', 'bpc'];

/** lm-eval 0.4.13's wikitext_detokenizer, step by step: it takes spaces away before it looks for others. */
function wikitextDetokenised(text: string): string {
  let out = text.replaceAll("s '", "s'").replace(/\/' [0-9]\//g, "/'[0-9]/");
  for (const mark of ['-', ',', '.']) out = out.replaceAll(` @${mark}@ `, mark);
  for (const mark of [':', ';', '.', '!', '?', ',']) out = out.replaceAll(` ${mark} `, `${mark} `);
  return out
    .replace(/\(\s*([^)]*?)\s*\)/g, '($1)')
    .replace(/\[\s*([^\]]*?)\s*\]/g, '[$1]')
    .replace(/\{\s*([^}]*?)\s*\}/g, '{$1}')
    .replace(/"\s*([^"]*?)\s*"/g, '"$1"')
    .replace(/'\s*([^']*?)\s*'/g, "'$1'")
    .replaceAll('= = = =', '====')
    .replaceAll('= = =', '===')
    .replaceAll('= =', '==')
    .replaceAll(' ° ', '°')
    .replaceAll(' \n', '\n')
    .replaceAll('\n ', '\n')
    .replaceAll(' N ', ' 1 ')
    .replaceAll(" 's", "'s");
}

/** Words of the original and a unit for each line end: what the language models before GPT-2 were measured on. */
function canonical(e: Document): Units {
  return { ...unitsOf(e.original), words: words(e.original).length + e.lines };
}

/** lm-eval 0.4.13, tasks/wikitext: documents are articles, and units those of the text before detokenising. */
const lmEvalWikitext: RollingProtocol<Document> = {
  kind: 'rolling',
  source: 'lm-eval 0.4.13 wikitext: its detokeniser, per word and byte of the original text',
  text: (e) => wikitextDetokenised(e.original),
  units: (e) => unitsOf(e.original),
  metrics: METRICS,
};

const gpt2Wikitext: RollingProtocol<Document> = {
  ...lmEvalWikitext,
  source:
    "GPT-2 paper, section 3.1: per word and line end of the original text; its detokeniser was not published, lm-eval's stands for it",
  units: canonical,
};

/** The Penn Treebank and the One Billion Word Benchmark: lines of tokens. */
const gpt2Tokens: RollingProtocol<Document> = {
  kind: 'rolling',
  source:
    'GPT-2 paper, section 3.1: per word and line end of the original text; its detokeniser was not published, ours stands for it',
  text: (e) => e.original.split('\n').map(detokenise).join('\n'),
  units: canonical,
  metrics: METRICS,
};

const asItIs = (metric: 'bpb' | 'bpc'): RollingProtocol<Document> => ({
  kind: 'rolling',
  source: 'GPT-2 paper, section 3.1: the text as it is',
  text: (e) => e.original,
  metrics: [metric, ...METRICS.filter((m) => m !== metric)],
});

/**
 * Articles of a WikiText file, cut at headings of the first level as EleutherAI/wikitext_document_level cuts them. Line
 * ends of what is left out before the first count for it.
 */
function articles(record: DataRecord): Document[] {
  const found: Document[] = [];
  let lines: string[] = [];
  let skipped = 0;
  const end = (more: number): void => {
    const original = lines.join('\n');
    if (original.trim() === '') skipped += lines.length + more;
    else {
      found.push({ id: String(found.length + 1), original, lines: lines.length + skipped + more });
      skipped = 0;
    }
    lines = [];
  };
  for (const line of record.text.split('\n')) {
    const heading = line.replaceAll('= = =', '===').replaceAll('= =', '==').trim();
    if (heading.startsWith('= ') && heading.endsWith(' =')) end(0);
    lines.push(line);
  }
  // No line ends behind the last line.
  end(-1);
  return found;
}

/** The whole file, but for its last line end. */
function whole(record: DataRecord): Document {
  const original = record.text.replace(/\n$/, '');
  return { id: '1', original, lines: original.split('\n').length };
}

/** The last 5 % of 100 million bytes, which is the test set by custom. */
const TEST_BYTES = 5_000_000;

function lastBytes(record: DataRecord): Document {
  const bytes = Buffer.from(record.text);
  let from = Math.max(0, bytes.length - TEST_BYTES);
  // Not within a character.
  while (((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return { id: '1', original: bytes.subarray(from).toString(), lines: 0 };
}

function line(record: DataRecord): Document {
  return { id: String(record.line), original: record.text, lines: 1 };
}

interface Text {
  readonly name: string;
  readonly title: string;
  readonly dataset: string;
  readonly decode: (record: DataRecord) => Document | readonly Document[];
  readonly protocols: {
    readonly 'lm-eval'?: RollingProtocol<Document>;
    readonly gpt2: RollingProtocol<Document>;
  };
  readonly examples?: number;
  readonly published?: string;
}

const wikitext = { 'lm-eval': lmEvalWikitext, gpt2: gpt2Wikitext } as const;

const TEXTS: readonly Text[] = [
  {
    name: 'wikitext2',
    title: 'WikiText-2, articles of Wikipedia; raw text',
    dataset: 'wikitext2-raw',
    decode: articles,
    protocols: wikitext,
    examples: 62,
    published: 'WikiText2',
  },
  {
    name: 'wikitext2-unk',
    title: 'WikiText-2, articles of Wikipedia; rare words are <unk>',
    dataset: 'wikitext2',
    decode: articles,
    protocols: wikitext,
    examples: 62,
  },
  {
    name: 'wikitext103',
    title: "WikiText-103, articles of Wikipedia; raw text, the test articles of WikiText-2's",
    dataset: 'wikitext103-raw',
    decode: articles,
    protocols: wikitext,
    examples: 62,
    published: 'WikiText103',
  },
  {
    name: 'ptb',
    title: "Penn Treebank, newspaper articles; Mikolov's lower-case tokens",
    dataset: 'ptb',
    decode: whole,
    protocols: { gpt2: gpt2Tokens },
    examples: 1,
    published: 'PTB',
  },
  {
    name: 'enwik8',
    title: 'enwik8, the source of Wikipedia pages: the last 5 million bytes',
    dataset: 'enwik8',
    decode: lastBytes,
    protocols: { gpt2: asItIs('bpb') },
    examples: 1,
    published: 'enwik8',
  },
  {
    name: 'text8',
    title: 'text8, Wikipedia in letters and spaces: the last 5 million characters',
    dataset: 'text8',
    decode: lastBytes,
    protocols: { gpt2: asItIs('bpc') },
    examples: 1,
    published: 'text8',
  },
  {
    name: 'one-billion-word',
    title: 'One Billion Word Benchmark, shuffled sentences of news; the first heldout part',
    dataset: 'one-billion-word',
    decode: line,
    protocols: { gpt2: gpt2Tokens },
    examples: 6075,
    published: '1BW',
  },
];

/** Texts whose perplexity the GPT-2 paper's Table 3 reports. */
const tasks: readonly Task[] = TEXTS.map(({ protocols, ...text }) =>
  defineTask<Document>({
    ...text,
    version: text.name === 'one-billion-word' ? 2 : 1,
    split: 'test',
    shotSplits: [],
    protocols,
    protocol: 'lm-eval' in protocols ? 'lm-eval' : 'gpt2',
    chance: null,
  }),
);

export default tasks;
