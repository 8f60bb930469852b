import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { examinationText } from '../../src/cli/doctor.ts';
import type { Examination } from '../../src/evaluate/doctor.ts';
import { evalgpt } from '../helpers/cli.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-doctor-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('evalgpt doctor examines every device and says what is wrong with those that it cannot use', async () => {
  const checkpoint = writeTiny('plain', folder);
  const { code, stdout } = await evalgpt(['doctor', '--model', checkpoint, '--json'], {
    env: { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent', CUDA_VISIBLE_DEVICES: '' },
  });
  expect(code).toBe(0);
  const { machine, model, examinations } = JSON.parse(stdout) as {
    machine: { onnxruntime: string; threads: number };
    model: { architecture: string };
    examinations: Examination[];
  };
  expect(machine.onnxruntime).toMatch(/^\d+\.\d+/);
  expect(model.architecture).toBe('gpt2');
  const named = Object.fromEntries(examinations.map((e) => [`${e.device} ${e.dtype}`, e]));
  expect(Object.keys(named)).toEqual([
    'cpu fp32',
    'cpu int8',
    'cuda fp32',
    'cuda fp16',
    'webgpu fp32',
    'webgpu fp16',
  ]);
  const { 'cpu fp32': reference, 'cpu int8': int8, 'cuda fp32': cuda } = named;
  expect(reference!.parity).toEqual({ mean: 0, max: 0, bound: 1e-3 });
  expect(reference!.company).toBeLessThan(1e-4);
  expect(reference!.tokensPerSecond).toBeGreaterThan(0);
  expect(int8!.parity!.max).toBeGreaterThan(0);
  expect(int8!.parity!.max).toBeLessThan(1);
  expect(int8!.company).toBe(0);
  expect(cuda!.problem).toMatch(/\S/);
});

test('numbers beyond the bound are called wrong', () => {
  const found = {
    device: 'webgpu',
    dtype: 'fp32',
    load: 1,
    company: 0,
    tokensPerSecond: 9,
    rate: 1,
    peak: 2,
  } as const;
  const text = (max: number): string =>
    examinationText({ ...found, parity: { mean: max / 2, max, bound: 1e-3 } });
  expect(text(0.1)).toContain(
    'WRONG: 0.10 nats from the CPU in fp32 at most (0.050 on average, 0.001 allowed)',
  );
  expect(text(1e-5)).toContain('right: ');
});
