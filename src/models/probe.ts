import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Device } from '../types.ts';
import { noTelemetry } from './telemetry.ts';

/** What a device can do, as a process of its own found out. */
export interface DeviceProbe {
  readonly device: Device;
  /** Why it can't be used; null where it can. */
  readonly problem: string | null;
  /** GFLOP/s of a float32 matrix product, the operands' way to the device included, and the CPU's. */
  readonly rate: number;
  readonly cpuRate: number;
}

/** Drivers that hang are given up after this long. */
const TIMEOUT_MS = 60_000;

/** Best first. */
const ACCELERATORS: readonly Device[] = ['cuda', 'webgpu'];

/** An accelerator is chosen unasked only where it is faster than the CPU by this: a driver in software is not. */
const WORTHWHILE = 1.5;

/**
 * The accelerators that are worth running on, best first, and what is wrong with the others. On a Linux machine
 * that shows no graphics device nothing is tried.
 */
export async function findAccelerators(): Promise<readonly DeviceProbe[]> {
  if (process.platform === 'linux' && !showsGraphics()) return [];
  const probes = await Promise.all(ACCELERATORS.map(probeDevice));
  return probes.map((probe) =>
    probe.problem === null && probe.rate < WORTHWHILE * probe.cpuRate
      ? { ...probe, problem: `not faster than the CPU (${rates(probe)})` }
      : probe,
  );
}

function rates({ rate, cpuRate }: DeviceProbe): string {
  return `${rate.toPrecision(3)} against ${cpuRate.toPrecision(3)} GFLOP/s`;
}

function showsGraphics(): boolean {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  return (
    [VK_ICD_FILENAMES, VK_DRIVER_FILES].some((value) => value) ||
    ['/dev/nvidiactl', '/dev/dri', '/dev/dxg', '/dev/kfd'].some((path) => existsSync(path))
  );
}

/** Tries a device in a child process: a driver that crashes or hangs there can't harm the run. */
export function probeDevice(device: Device): Promise<DeviceProbe> {
  const source = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(source ? './probe-child.ts' : './probe-child.js', import.meta.url));
  noTelemetry();
  const child = fork(file, [], {
    execArgv: source ? ['--import', 'tsx'] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((resolve) => {
    let errors = '';
    let timedOut = false;
    const fail = (problem: string): void => resolve({ device, problem, rate: 0, cpuRate: 0 });
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, TIMEOUT_MS);
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000);
    });
    child.on('message', (answer: DeviceProbe) => resolve({ ...answer, problem: firstLine(answer.problem) }));
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const last = errors.trim().split('\n').at(-1) ?? '';
      if (timedOut) fail(`its driver did not answer within ${TIMEOUT_MS / 1000} s`);
      else fail(`its driver ended the process (${signal ?? `code ${code}`})${last ? `: ${last}` : ''}`);
    });
    child.send(device);
  });
}

/** onnxruntime's messages begin with a place in its sources and may go on for lines. */
function firstLine(problem: string | null): string | null {
  if (problem === null) return null;
  const line = problem.split('\n').find((text) => text.trim() !== '') ?? problem;
  return line.replace(/^\/\S+ .* was false\. /, '').trim();
}
