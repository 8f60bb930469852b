import { describe, expect, test } from 'vitest';
import {
  CHECK_BOUND,
  type CheckSample,
  chooseDevices,
  type Probes,
  readyBackend,
} from '../../src/evaluate/ready.ts';
import type { Model, OpenOptions } from '../../src/models/open.ts';
import type { DeviceProbe } from '../../src/models/probe.ts';
import type { Backend, Device, Dtype, Request } from '../../src/types.ts';
import { hashModel } from '../helpers/hash-model.ts';

const request = (...tokens: number[]): Request => ({
  tokens: Int32Array.from(tokens),
  start: 1,
  truncated: 0,
  merged: false,
});
const SAMPLE: CheckSample = {
  requests: [request(5, 1, 2), request(5, 1, 3), request(9, 0)],
  answers: (scores) => scores.map((scored) => (scored.logprobs[0]! > -8 ? 'high' : 'low')),
};

/** A model whose numbers are off by so many nats on each device; a string is why it can't be loaded there. */
function modelOff(by: Partial<Record<Device, number | string>>): Model & { readonly log: string[] } {
  const log: string[] = [];
  const model = hashModel('m');
  return {
    ...model,
    log,
    async open(options: OpenOptions): Promise<Backend> {
      const off = by[options.device] ?? 0;
      if (typeof off === 'string') throw new Error(off);
      const backend = await model.open(options);
      const name = `${options.device} ${options.dtype}`;
      log.push(`open ${name}`);
      return {
        ...backend,
        async forward(step) {
          const result = await backend.forward(step);
          return { ...result, logprobs: result.logprobs.map((l, i) => (i === 0 ? l + off : l)) };
        },
        async close() {
          log.push(`close ${name}`);
        },
      };
    },
  };
}

const probe = (device: Device, problem: string | null): DeviceProbe => ({
  device,
  problem,
  rate: 1000,
  cpuRate: 100,
});
const machine = (...found: DeviceProbe[]): Probes => ({
  findAccelerators: async () => found,
  probeDevice: async (device) => found.find((p) => p.device === device) ?? probe(device, 'not there'),
});

async function ready(
  model: Model,
  { device, dtype = 'fp32', probes }: { device: Device | 'auto'; dtype?: Dtype; probes: Probes },
): Promise<{ outcome: Awaited<ReturnType<typeof readyBackend>>; warnings: string[] }> {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const devices = await chooseDevices({ device, dtype }, warn, probes);
  const asked = { device, devices, dtype, tokensToCompute: 10 };
  return { outcome: await readyBackend(model, { ...asked, sample: () => SAMPLE, warn }), warnings };
}

describe('auto', () => {
  test('takes the first accelerator that gives the numbers of the CPU', async () => {
    const model = modelOff({});
    const probes = machine(probe('cuda', null), probe('webgpu', null));
    const { outcome, warnings } = await ready(model, { device: 'auto', probes });
    expect(outcome.record).toMatchObject({ device: 'cuda', check: { items: 3, max: 0, flipped: 0 } });
    expect(warnings).toEqual([]);
    // One model in memory at a time.
    expect(model.log).toEqual(['open cpu fp32', 'close cpu fp32', 'open cuda fp32']);
  });

  test('passes over one that gives other numbers, and says by how much', async () => {
    const model = modelOff({ cuda: 0.05 });
    const probes = machine(probe('cuda', null), probe('webgpu', null));
    const { outcome, warnings } = await ready(model, { device: 'auto', probes });
    expect(outcome.record.device).toBe('webgpu');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^cuda is not used: cuda in fp32 gives wrong numbers: .* up to 0\.0500 nats/);
    expect(model.log).toContain('close cuda fp32');
  });

  test('falls back to the CPU where numbers are not numbers and the next cannot load', async () => {
    const model = modelOff({ cuda: Number.NaN, webgpu: 'out of memory' });
    const probes = machine(probe('cuda', null), probe('webgpu', null));
    const { outcome, warnings } = await ready(model, { device: 'auto', probes });
    expect(outcome.record).toEqual({ model: 'm', device: 'cpu', dtype: 'fp32', check: null });
    expect(warnings[0]).toContain('Infinity nats');
    expect(warnings[1]).toBe('webgpu is not used: out of memory');
  });

  test('says why what is there is not used', async () => {
    const { outcome, warnings } = await ready(modelOff({}), {
      device: 'auto',
      probes: machine(probe('cuda', 'no driver'), probe('webgpu', 'too slow')),
    });
    expect(outcome.record.device).toBe('cpu');
    expect(warnings).toEqual(['no accelerator is used (cuda: no driver; webgpu: too slow)']);
  });
});

describe('a named device', () => {
  test('that gives other numbers is an error with the difference', async () => {
    const model = modelOff({ webgpu: 0.2 });
    const run = ready(model, { device: 'webgpu', probes: machine(probe('webgpu', null)) });
    await expect(run).rejects.toThrow(
      /^--device webgpu in fp32 gives wrong numbers: on the run's first 5 tokens .* up to 0\.200 nats .* expected at most 0\.001/,
    );
    expect(model.log.at(-1)).toBe('close webgpu fp32');
  });

  test('that cannot be used is an error with the reason', async () => {
    const run = ready(modelOff({}), { device: 'cuda', probes: machine() });
    await expect(run).rejects.toThrow('--device cuda: cannot be used: not there');
  });
});

describe('precision', () => {
  test('int8 runs on the CPU and tells how far it is from fp32', async () => {
    const model = modelOff({});
    const { outcome } = await ready(model, { device: 'auto', dtype: 'int8', probes: machine() });
    expect(outcome.record).toMatchObject({
      device: 'cpu',
      dtype: 'int8',
      check: { bound: CHECK_BOUND.int8 },
    });
    expect(model.log).toEqual(['open cpu fp32', 'close cpu fp32', 'open cpu int8']);
  });

  test('answers that a precision changes are counted', async () => {
    const rounded: CheckSample = {
      ...SAMPLE,
      answers: (scores) => scores.map((s) => s.logprobs[0]!.toFixed(3)),
    };
    const { record } = await readyBackend(modelOff({ webgpu: 0.1 }), {
      device: 'webgpu',
      devices: ['webgpu'],
      dtype: 'fp16',
      tokensToCompute: 10,
      sample: () => rounded,
      warn: () => {},
    });
    expect(record.check!.flipped).toBeGreaterThan(0);
    expect(record.check!.max).toBeCloseTo(0.1, 5);
  });

  test.each([
    ['fp16', 'cpu', '--dtype fp16: needs an accelerator, found --device cpu; int8 is for the CPU'],
    ['fp16', 'auto', '--dtype fp16: needs an accelerator, and none was found; `evalgpt doctor` says why'],
    ['int8', 'webgpu', '--dtype int8: runs on the CPU only, found --device webgpu; fp16 is for accelerators'],
  ] as const)('%s on %s is refused', async (dtype, device, message) => {
    await expect(ready(modelOff({}), { device, dtype, probes: machine() })).rejects.toThrow(message);
  });
});
