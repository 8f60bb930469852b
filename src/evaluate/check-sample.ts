import { judge } from '../metrics/sample.ts';
import type { Model } from '../models/open.ts';
import type { Request, RunSpec } from '../types.ts';
import { builderFor, type Item, itemsOf } from './blocks.ts';
import { cellsOf } from './cells.ts';
import type { LoadedTask } from './load.ts';
import { type CheckSample, checkTokens } from './ready.ts';

/** A run's first items, in turn from every task and at every number of shots, on which a device is checked. */
export function checkSample(tasks: readonly LoadedTask[], model: Model, spec: RunSpec): CheckSample {
  const chosen: { readonly loaded: LoadedTask; readonly item: Item }[] = [];
  let left = checkTokens(model.identity.parameters);
  const scored = tasks.filter(({ examples }) => examples.length > 0);
  const sources = scored.map((loaded) => ({
    loaded,
    cells: cellsOf(loaded, model.identity.ref),
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
        chosen.push({ loaded, item });
      }
    }
  }
  const requests: Request[] = chosen.flatMap(({ item }) => item.prompt.requests);
  return {
    requests,
    answers(scores) {
      let at = 0;
      return chosen.map(({ loaded, item }) => {
        const own = scores.slice(at, at + item.prompt.requests.length);
        at += own.length;
        return judge(loaded.protocol, item.prompt.example, own).prediction;
      });
    },
  };
}
