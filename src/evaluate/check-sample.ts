import { judge } from '../metrics/sample.ts';
import type { Model } from '../models/open.ts';
import type { RunSpec } from '../record.ts';
import type { Request } from '../types.ts';
import { builderFor, type Item, itemsOf } from './blocks.ts';
import { cellsOf, factsOf } from './cells.ts';
import type { LoadedTask } from './load.ts';
import { type CheckSample, checkTokens } from './ready.ts';

/** A run's first items, in turn from every task and at every number of shots, on which a device is checked. */
export function checkSample(tasks: readonly LoadedTask[], model: Model, spec: RunSpec): CheckSample {
  const chosen: {
    readonly loaded: LoadedTask;
    readonly item: Item;
    readonly requests: readonly Request[];
  }[] = [];
  let left = checkTokens(model.identity.parameters);
  const scored = tasks.filter(({ examples }) => examples.length > 0);
  const sources = scored.map((loaded) => ({
    loaded,
    cells: cellsOf(factsOf(loaded), model.identity.ref),
    build: builderFor(loaded, model, spec),
  }));
  const most = Math.max(0, ...scored.map(({ examples }) => examples.length));
  for (let i = 0; i < most && left > 0; i++) {
    for (const { loaded, cells, build } of sources) {
      const example = loaded.examples[i];
      if (!example) continue;
      for (const item of itemsOf(loaded, cells, build, model.contextLength, example)) {
        const tokens = item.prompt.requests.reduce((sum, r) => sum + r.tokens.length, 0);
        if (tokens === 0 || left <= 0) continue;
        left -= tokens;
        chosen.push({ loaded, item, requests: asScored(loaded, item) });
      }
    }
  }
  return {
    requests: chosen.flatMap(({ requests }) => requests),
    answers(scores) {
      let at = 0;
      return chosen.map(({ loaded: { protocol }, item, requests }) => {
        const own = scores.slice(at, at + requests.length);
        at += own.length;
        // Of a text to be written, its prompt's last tokens stand for what would be written.
        if (protocol.kind === 'generate') return String(own.map(({ hits }) => hits));
        return judge(protocol, item.prompt.example, own).prediction;
      });
    },
  };
}

/** Tokens of a prompt that are scored where its answer would be written. */
const LAST_TOKENS = 16;

function asScored({ protocol }: LoadedTask, { prompt }: Item): readonly Request[] {
  if (protocol.kind !== 'generate') return prompt.requests;
  const long = prompt.requests.filter(({ tokens }) => tokens.length > 1);
  return long.map((request) => ({ ...request, start: Math.max(1, request.tokens.length - LAST_TOKENS) }));
}
