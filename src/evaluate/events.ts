import type { DownloadEvent } from '../download.ts';
import type { BackendRecord, CellResult, ModelIdentity, RunRecord } from '../record.ts';
import type { ServedOptions } from '../remote/client/open.ts';

/** What a run says while it goes on. */
export type RunEvent =
  | { readonly kind: 'folder'; readonly path: string; readonly resumed: boolean }
  | { readonly kind: 'warning'; readonly message: string }
  | DownloadEvent
  | {
      readonly kind: 'model';
      readonly identity: ModelIdentity;
      readonly contextLength: number;
      /** To load it, and to check the device. */
      readonly seconds: number;
      readonly backend: BackendRecord;
    }
  | {
      readonly kind: 'progress';
      readonly model: string;
      readonly task: string;
      /** Tokens computed so far and in all, of this task. */
      readonly done: number;
      readonly total: number;
      readonly reused: number;
    }
  | { readonly kind: 'cell'; readonly result: CellResult };

/** How a run is done, and where to; what is run is the spec. */
export interface EvaluateOptions {
  /** No request is made: models and data are those that are here. */
  readonly offline?: boolean | undefined;
  /** Stops the run: what is finished stays, and the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * A folder of scores by content: those of former runs are taken from it, new ones go there. A score may differ in
   * its last digits from one computed anew in other company.
   */
  readonly reuse?: string | undefined;
  /** Told of what goes on, synchronously. */
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Only the i-th of n parts of the run, counted from 1: see cutShards. */
  readonly shard?: { readonly i: number; readonly n: number } | undefined;
  /** How requests to served models are made; results do not depend on it. */
  readonly served?: Omit<ServedOptions, 'tokenizer' | 'contextLength'>;
  /** Folder to write the run to, or how to name it after what is run; without one nothing is written. */
  readonly out?: string | ((spec: RunRecord['spec']) => string) | undefined;
}
