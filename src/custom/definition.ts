import type {
  ChoiceProtocol,
  GenerateProtocol,
  RollingProtocol,
  SpanProtocol,
  TaskDefinition,
} from '../task.ts';
import type { Example, ProtocolName } from '../types.ts';

/** Some fields of a type left to their defaults. */
type Relaxed<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** How a task's examples read, and what is measured; what is left out is as stated. */
export type OwnProtocol<E extends Example> =
  | Relaxed<SpanProtocol<E>, Common>
  | Relaxed<ChoiceProtocol<E>, Common | 'delimiter'>
  | Relaxed<GenerateProtocol<E>, Common>
  | Relaxed<RollingProtocol<E>, 'source'>;
/** By default the file, a blank line, and one order of shots for all items; a choice's delimiter is a space. */
type Common = 'source' | 'separator' | 'draw';

interface OwnCommon<E extends Example>
  extends Pick<TaskDefinition<E>, 'name' | 'decode'>,
    Partial<Pick<TaskDefinition<E>, 'version' | 'title' | 'chance' | 'paperShots' | 'fields'>> {
  /** By protocol; `own` where the wording is nobody else's. */
  readonly protocols: Readonly<Partial<Record<ProtocolName, OwnProtocol<E>>>>;
  /** The protocol of a run that names none; by default the first. */
  readonly protocol?: ProtocolName;
}

/** Items from a file, by a path from the module's folder: .csv, .tsv, .jsonl, .json, .txt or .parquet, also packed. */
interface OfFile<E extends Example> extends OwnCommon<E> {
  readonly data: string;
  /** A file that shots come from; by default they are the other items. */
  readonly shotData?: string;
}

/** Items from a data set that evalgpt has a card of. */
interface OfCard<E extends Example>
  extends OwnCommon<E>,
    Pick<TaskDefinition<E>, 'dataset' | 'split'>,
    Partial<Pick<TaskDefinition<E>, 'shotSplits'>> {}

/** A task as a module of `--task` exports it by default, alone or in a list. */
export type OwnTask<E extends Example> = OfFile<E> | OfCard<E>;

/** Adds types to a task and gives it back as it is: a plain object does as well. */
export function defineTask<E extends Example>(task: OwnTask<E>): OwnTask<E> {
  return task;
}
