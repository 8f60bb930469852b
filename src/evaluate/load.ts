import { createHash } from 'node:crypto';
import { groups } from '../../tasks/groups.ts';
import { tasks as allTasks } from '../../tasks/index.ts';
import { didYouMean } from '../closest.ts';
import { filesOf, readCard, type SplitCard } from '../data/card.ts';
import { findSplit, missingSplit, readSplit, type Split } from '../data/split.ts';
import { UserError } from '../errors.ts';
import { shotDrawer, subset } from '../prompts/draw.ts';
import { questionKey, renderPairs } from '../prompts/render.ts';
import type { RunSpec, TaskIdentity } from '../record.ts';
import { type PromptProtocol, type Protocol, protocolOf, type Task, type TaskFile } from '../task.ts';
import type { Example, ItemOverlap } from '../types.ts';
import { poolFacts } from './pool.ts';

/** Tasks by name, group or glob, in the order given. @throws UserError for a name that no task has */
export function selectTasks(names: readonly string[]): Task[] {
  const chosen = new Set<Task>();
  for (const name of names) {
    const group = groups.find((known) => known.name === name);
    if (group) {
      const names = group.members.map(({ task }) => task);
      for (const task of allTasks.filter((known) => names.includes(known.name))) chosen.add(task);
      continue;
    }
    const pattern = new RegExp(`^${name.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*')}$`);
    const found = allTasks.filter((task) => pattern.test(task.name));
    if (found.length === 0) {
      throw new UserError(`--tasks: no task "${name}"; \`evalgpt tasks\` lists them${nearest(name)}`);
    }
    for (const task of found) chosen.add(task);
  }
  return [...chosen];
}

function nearest(name: string): string {
  if (name.includes('.')) return '; files of tasks go to --task';
  return didYouMean(
    name,
    [...groups, ...allTasks].map((known) => known.name),
  );
}

/** A task's dirty items by id, and how they were found. */
export interface TaskOverlap extends NonNullable<TaskIdentity['overlap']> {
  readonly items: ReadonlyMap<string, ItemOverlap>;
}

/** A task with its data and wording, ready for any model. */
export interface LoadedTask {
  readonly task: Task;
  readonly protocol: Protocol<Example>;
  readonly identity: TaskIdentity;
  readonly examples: readonly Example[];
  /** Numbers of shots that it is scored at. */
  readonly shotCounts: RunSpec['shots'];
  /** Shots of an example for each draw, at most `k`. */
  readonly shots: readonly ((example: Example, k: number) => Example[])[];
  /** Of the data that are scored, without those of the shots. */
  readonly splitSha256: string;
  /** Which of its items stand in the training data, where that is known. */
  readonly overlap?: TaskOverlap;
  /** Why there are no examples. */
  readonly missing?: string;
}

/**
 * Reads a task's data, limits it and prepares its draws. Data that can't be had are a warning, not an error.
 * @param absent why files could not be fetched, by the `file` of their splits
 */
export async function loadTask(
  task: Task,
  spec: RunSpec,
  warn: (message: string) => void,
  absent?: ReadonlyMap<string, UserError>,
): Promise<LoadedTask> {
  const { name: protocolName, protocol } = protocolOf(task, spec.protocol);
  const rolling = protocol.kind === 'rolling';
  const draw = rolling ? 'fixed' : (spec.draw ?? protocol.draw);
  const shotCounts = rolling ? [0] : spec.shots;
  const data = task.file?.data ? fileData(task.file.data) : await cardData(task, absent);
  const identify = (sha256: string, prompts: string | null): TaskIdentity => ({
    name: task.name,
    version: task.version,
    protocol: protocolName,
    ...(task.file ? { file: task.file.path, file_sha256: task.file.sha256 } : {}),
    dataset: task.dataset,
    dataset_sha256: sha256,
    prompts_sha256: prompts,
    shot_pool: data.shotPool,
    draw,
  });
  if ('missing' in data) {
    const { missing } = data;
    return {
      task,
      protocol,
      identity: identify('', null),
      examples: [],
      shotCounts,
      shots: [],
      splitSha256: '',
      missing,
    };
  }
  const { split, pool } = data;
  for (const message of [...split.warnings, ...pool.warnings]) warn(message);
  const whole = split.records.flatMap(task.decode);
  if (task.examples !== undefined && whole.length !== task.examples && !split.known) {
    warn(
      `${task.name}: ${whole.length} examples instead of the published ${task.examples}: scores may not compare`,
    );
  }
  const all = rolling || !protocol.scores ? whole : whole.filter(protocol.scores);
  const twice = firstRepeated(all.map((e) => e.id));
  if (twice !== undefined)
    throw new UserError(`task "${task.name}": two items of its data have the id "${twice}"`);
  const shotPool = pool === split ? whole : pool.records.flatMap(task.decode);
  const shotExamples = rolling || !protocol.draws ? shotPool : shotPool.filter(protocol.draws);
  const examples = spec.limit === null ? all : subset(all, spec.limit, spec.seed, task.name);
  // A user's own task may have a wrong answer anywhere: that is told before anything is scored.
  if (task.file && 'gold' in protocol) for (const example of examples) protocol.gold(example);
  if (rolling) {
    const prompts = sha256(JSON.stringify(examples.map((e) => [e.id, protocol.text(e)])));
    return {
      task,
      protocol,
      identity: identify(split.sha256, prompts),
      examples,
      shotCounts,
      shots: [() => []],
      splitSha256: split.sha256,
    };
  }
  const shots = Array.from({ length: spec.draws }, (_, number) =>
    shotDrawer(shotExamples, (e) => questionKey(protocol, e), {
      seed: spec.seed,
      task: task.name,
      draw: number,
      kind: draw,
    }),
  );
  const hash = pool === split ? split.sha256 : sha256(`${split.sha256}\n${pool.sha256}`);
  const prompts = hashPrompts(protocol, examples, shots, spec.shots);
  const ownPool = poolFacts(task, protocol, all, { examples: shotExamples, apart: pool !== split });
  const identity = { ...identify(hash, prompts), pool: ownPool };
  return {
    ...{ task, protocol, identity, examples, shotCounts, shots },
    splitSha256: split.sha256,
  };
}

/** A task's examples whatever the protocol: all of the scored split, or why there are none. */
export async function scoredSplit(
  task: Task,
  warn: (message: string) => void,
  absent?: ReadonlyMap<string, UserError>,
): Promise<
  { readonly examples: readonly Example[]; readonly sha256: string } | { readonly missing: string }
> {
  const split = task.file?.data?.scored ?? (await cardSplit(task, absent));
  if ('missing' in split) return split;
  for (const message of split.warnings) warn(message);
  return { examples: split.records.flatMap(task.decode), sha256: split.sha256 };
}

/** The scored split of a task's data set, or why it is not here. */
async function cardSplit(
  task: Task,
  absent: ReadonlyMap<string, UserError> | undefined,
): Promise<Split | { readonly missing: string }> {
  const card = readCard(task.dataset);
  if (findSplit(card, task.split) !== undefined) return readSplit(card, task.split);
  const files = filesOf(card.splits[task.split] as SplitCard);
  const reason = files.map(({ file }) => absent?.get(file)).find((error) => error !== undefined);
  return { missing: (reason ?? missingSplit(card, task.split)).message };
}

/** What is scored, and what its shots come from, in words and as read. */
type TaskData =
  | { readonly shotPool: string; readonly split: Split; readonly pool: Split }
  | { readonly shotPool: string; readonly missing: string };

async function cardData(task: Task, absent: ReadonlyMap<string, UserError> | undefined): Promise<TaskData> {
  const card = readCard(task.dataset);
  const shotSplit = task.shotSplits.find((split) => findSplit(card, split) !== undefined) ?? task.split;
  const shotPool = shotSplit === task.split ? `${shotSplit} minus the scored item` : shotSplit;
  const split = await cardSplit(task, absent);
  if ('missing' in split) return { shotPool, ...split };
  return { shotPool, split, pool: shotSplit === task.split ? split : await readSplit(card, shotSplit) };
}

function fileData({ scored, shots }: Required<TaskFile>['data']): TaskData {
  const shotPool = shots ? 'a file of their own' : 'the same file minus the scored item';
  return { shotPool, split: scored, pool: shots ?? scored };
}

/** Shots of `--shots max` that a run's identity counts: more than any window of today holds. */
const MOST_HASHED = 1024;

/** Over every item's question and the wording of every shot drawn for it: equal where two runs ask the same. */
function hashPrompts(
  protocol: PromptProtocol<Example>,
  examples: readonly Example[],
  shots: LoadedTask['shots'],
  wanted: RunSpec['shots'],
): string {
  const hash = createHash('sha256');
  const most = Math.max(...wanted.map((k) => (k === 'max' ? MOST_HASHED : k)));
  const worded = new Map<Example, string>();
  const wording = (shot: Example): string => {
    const known = worded.get(shot) ?? sha256(protocol.shot(shot));
    worded.set(shot, known);
    return known;
  };
  hash.update(JSON.stringify([wanted, protocol.separator]));
  for (const example of examples) {
    const drawn = shots.map((draw) => draw(example, most).map(wording));
    hash.update(JSON.stringify([example.id, renderPairs(protocol, example, []), drawn]));
  }
  return hash.digest('hex');
}

function firstRepeated(ids: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return ids.find((id) => seen.size === seen.add(id).size);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
