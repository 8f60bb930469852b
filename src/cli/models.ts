import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import { formatTable } from '../report/table.ts';
import { type SourceArguments, sourceOptions } from './options.ts';
import { downloadReporter, formatBytes, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface ModelsArguments extends SourceArguments {
  action: 'list' | 'pull' | 'inspect';
  ref: string | undefined;
  json: boolean;
}

export const modelsCommand: CommandModule<object, ModelsArguments> = {
  command: 'models <action> [ref]',
  describe: 'List models, fetch one, or say what one is',
  builder: (yargs) =>
    sourceOptions(yargs)
      .positional('action', {
        choices: ['list', 'pull', 'inspect'] as const,
        demandOption: true,
        describe: 'What to do: list all, fetch one, or say what one is',
      })
      .positional('ref', { type: 'string', describe: 'Folder, alias, or OWNER/NAME on the hub' })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of text' })
      .example('$0 models list', 'short names, and what is in the cache')
      .example('$0 models pull gpt2-medium', 'fetch a model into the hub cache')
      .example('$0 models inspect ./checkpoint', 'what evalgpt makes of a folder'),
  handler: (args) => interruptible((signal) => models(args, signal)),
};

async function models(args: ModelsArguments, signal: AbortSignal): Promise<void> {
  const { action, ref, json } = args;
  if (action === 'list') {
    if (ref !== undefined) throw new UserError(`models list: expected no model, found "${ref}"`);
    return list(json);
  }
  if (ref === undefined) throw new UserError(`models ${action}: expected a model, found none`);
  const progress = progressOn(process.stderr);
  const source = {
    ...{ revision: args.revision ?? null, offline: args.offline, signal },
    onDownload: downloadReporter(progress),
    onWarning: (message: string) => progress.note(`warning: ${message}`),
  };
  try {
    if (action === 'inspect') return await inspect(ref, source, json);
    const { resolveModel } = await import('../models/resolve.ts');
    const { path, repo, commit } = await resolveModel(ref, source);
    const text = repo === undefined ? `${path}: here already` : `${repo} at ${commit}\n${path}`;
    process.stdout.write(json ? `${JSON.stringify({ ref, path, repo, commit }, null, 2)}\n` : `${text}\n`);
  } finally {
    progress.end();
  }
}

async function list(json: boolean): Promise<void> {
  const [{ ALIASES }, { cachedModels, hubCache }] = await Promise.all([
    import('../models/resolve.ts'),
    import('../models/hub.ts'),
  ]);
  const cached = await cachedModels();
  if (json) {
    process.stdout.write(`${JSON.stringify({ aliases: ALIASES, cache: hubCache(), cached }, null, 2)}\n`);
    return;
  }
  const here = new Set(cached.filter((m) => m.missing === undefined).map((m) => m.repo));
  const aliases = Object.entries(ALIASES).map(([name, repo]) => [name, repo, here.has(repo) ? 'yes' : '']);
  const rows = cached.map((m) => [
    m.repo,
    m.revision === m.commit ? '' : m.revision,
    m.commit.slice(0, 12),
    formatBytes(m.bytes),
    m.missing === undefined ? '' : `lacks ${m.missing}`,
  ]);
  const parts = [formatTable(['alias', 'model of the hub', 'here'], aliases)];
  if (rows.length > 0) parts.push(formatTable(['in the cache', 'revision', 'commit', 'size', ''], rows));
  process.stdout.write(
    `${parts.join('\n\n')}\n\nThe cache is ${hubCache()}; any OWNER/NAME of the hub will do.\n`,
  );
}

async function inspect(ref: string, source: object, json: boolean): Promise<void> {
  const { inspectModel, openModel } = await import('../models/open.ts');
  const { path, repo, commit, checkpoint, architecture, tokenizer } = await inspectModel(ref, source);
  const { identity, endTokens } = await openModel(ref, { ...source, offline: true });
  const dtypes = new Map<string, number>();
  for (const { dtype, shape } of checkpoint.tensors.values()) {
    dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + shape.reduce((a, b) => a * b, 1));
  }
  const files: { name: string; bytes: number }[] = [];
  for (const file of checkpoint.weightFiles)
    files.push({ name: basename(file), bytes: (await stat(file)).size });
  const facts = {
    ref,
    path,
    ...(repo === undefined ? {} : { repo, commit }),
    architecture: architecture.name,
    parameters: identity.parameters,
    stored_as: Object.fromEntries(dtypes),
    layers: architecture.layers,
    key_value_heads: architecture.keyValueHeads,
    head_size: architecture.headSize,
    window: architecture.contextLength,
    vocabulary: architecture.vocabularySize,
    tokenizer_vocabulary: tokenizer.vocabularySize,
    start_of_text: tokenizer.startOfText,
    end_tokens: endTokens,
    files,
    sha256: identity.sha256,
    config_sha256: identity.config_sha256,
    tokenizer_sha256: identity.tokenizer_sha256,
  };
  if (json) {
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return;
  }
  const shown: Record<string, unknown> = {
    ...facts,
    stored_as: [...dtypes].map(([dtype, count]) => `${count} ${dtype}`).join(', '),
    start_of_text: facts.start_of_text ?? 'none: an empty context cannot be scored',
    end_tokens: endTokens.join(', ') || 'none',
    files: files.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`).join(', '),
  };
  const width = Math.max(...Object.keys(shown).map((name) => name.length)) + 2;
  const lines = Object.entries(shown).map(
    ([name, value]) => `${name.replaceAll('_', ' ').padEnd(width)}${value}`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}
