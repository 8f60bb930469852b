import { createHash } from 'node:crypto';
import { readText } from '../data/text.ts';
import type { RollingProtocol, Task } from '../task.ts';
import type { Example } from '../types.ts';
import type { LoadedTask } from './load.ts';

interface Document extends Example {
  readonly text: string;
}

const protocol: RollingProtocol<Document> = {
  kind: 'rolling',
  source: "lm-eval's loglikelihood_rolling: end-of-text first, windows as long as the model's",
  text: (document) => document.text,
  metrics: ['ppl_word', 'ppl_token', 'ppl_byte', 'bpb', 'bpc'],
};

/** The files of `--text` as a task named "text": each a document, scored whole. @throws UserError for a file that can't be read */
export async function loadTexts(paths: readonly string[]): Promise<LoadedTask> {
  const examples = await Promise.all(
    paths.map(async (path): Promise<Document> => ({ id: path, text: await readText(path) })),
  );
  const sha256 = createHash('sha256')
    .update(JSON.stringify(examples.map((e) => e.text)))
    .digest('hex');
  const task: Task = {
    name: 'text',
    version: 1,
    title: 'Perplexity of the files given by --text',
    dataset: 'text',
    split: 'all',
    shotSplits: [],
    decode: () => {
      throw new Error('the files of --text are not read as records');
    },
    protocols: {},
    protocol: 'lm-eval',
    chance: null,
  };
  return {
    task,
    protocol: protocol as unknown as LoadedTask['protocol'],
    identity: {
      name: 'text',
      version: 1,
      protocol: 'lm-eval',
      dataset: paths.join(', '),
      dataset_sha256: sha256,
      prompts_sha256: sha256,
      shot_pool: 'none',
      draw: 'fixed',
    },
    examples,
    shotCounts: [0],
    shots: [() => []],
    splitSha256: sha256,
  };
}
