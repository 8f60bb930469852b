import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateWith } from '../../src/evaluate/evaluate.ts';
import type { RunRecord } from '../../src/record.ts';
import { disk } from '../../src/store/disk.ts';
import type { ProtocolName, Sample } from '../../src/types.ts';
import { tasks } from '../../tasks/index.ts';
import { hashModel } from '../helpers/hash-model.ts';

/** Every task under every protocol, from the samples' files to a run folder; the model is a hash. */
const out = mkdtempSync(join(tmpdir(), 'evalgpt-all-'));
const before = process.env.EVALGPT_DATA;
beforeAll(() => {
  process.env.EVALGPT_DATA = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
});
afterAll(() => {
  process.env.EVALGPT_DATA = before;
  rmSync(out, { recursive: true, force: true });
});

describe.each<ProtocolName>(['lm-eval', 'gpt1', 'gpt2', 'gpt3'])('%s', (protocol) => {
  const asked = tasks.filter((task) => task.protocols[protocol]);
  let record: RunRecord;
  beforeAll(async () => {
    record = await evaluateWith(
      { openModel: async (ref) => hashModel(ref), disk, flushMs: 0 },
      {
        models: ['hash'],
        tasks: asked.map((t) => t.name),
        protocol,
        shots: [0, 1],
        limit: protocol === 'gpt3' ? 1 : 2,
      },
      { out: join(out, protocol), offline: true },
    );
  }, 120_000);

  test.each(asked.map((task) => ({ name: task.name, task })))('$name', ({ name, task }) => {
    expect(record.status).toBe('complete');
    const cells = record.results.filter((r) => r.task === name);
    const wording = task.protocols[protocol]!;
    const rolling = wording.kind === 'rolling';
    expect(cells.map((r) => r.shots)).toEqual(rolling ? [0] : [0, 1]);
    const limit = record.spec.limit!;
    for (const cell of cells) {
      // A text may be one document.
      expect(cell).toMatchObject({ n: rolling ? cell.n : limit, unscored: 0, chance: task.chance });
      expect(cell.n).toBeGreaterThan(0);
      expect(cell.primary).toBe(wording.metrics[0]);
      expect(Object.keys(cell.metrics)).toEqual(wording.metrics);
      for (const [metric, { value, ci95 }] of Object.entries(cell.metrics)) {
        expect(Number.isFinite(value), metric).toBe(true);
        if (ci95) expect(ci95[0] <= value && value <= ci95[1], `${metric} ${value} in ${ci95}`).toBe(true);
      }
      expect(cell.shots_used.max).toBe(cell.shots);
    }
    const k = rolling ? 0 : 1;
    const lines = readFileSync(join(out, protocol, 'samples', 'hash', `${name}.k${k}.d0.jsonl`), 'utf8');
    const samples = lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
    expect(samples).toHaveLength(cells[0]!.n);
    for (const sample of samples) {
      expect(sample.status).toBe('scored');
      expect(sample.prediction).toBeDefined();
      expect(sample.gold).toBeDefined();
    }
  });
});

test('between them the protocols run every task', () => {
  for (const task of tasks) expect(Object.keys(task.protocols).length, task.name).toBeGreaterThan(0);
});
