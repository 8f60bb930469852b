import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), 'utf8')) as T;

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
  readonly files: readonly string[];
}
interface Lock {
  readonly packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
}

test('versions are exact, and nothing of ours runs at install', () => {
  const { dependencies, devDependencies, scripts } = read<Manifest>('package.json');
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  }
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
});

test('the lock file knows every optional package, so that npm ci works on every platform, and names no host', () => {
  const { packages } = read<Lock>('package-lock.json');
  for (const [path, { optionalDependencies = {}, resolved }] of Object.entries(packages)) {
    expect(resolved, path).toBeUndefined();
    for (const name of Object.keys(optionalDependencies)) {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      expect(
        places.some((place) => place in packages),
        `${path} needs ${name}`,
      ).toBe(true);
    }
  }
});

test('what the package ships is there', () => {
  for (const path of [
    'datasets/README.md',
    'datasets/demo/tiny/model.safetensors',
    'datasets/demo/data/stories.jsonl',
    'datasets/demo/overlap.jsonl',
    'datasets/samples',
    'reports/published/gpt2-paper.csv',
  ]) {
    expect(existsSync(fileURLToPath(new URL(`../${path}`, import.meta.url))), path).toBe(true);
  }
});
