import { createHash } from 'node:crypto';

/** A stream of pseudo-random numbers that depends on its key alone. */
export interface Random {
  /** An integer in [0, n), without modulo bias; n from 1 to 2^32. */
  below(n: number): number;
  /** A number in [0, 1) with 32 random bits. */
  next(): number;
}

/**
 * The project's only random generator: xoshiro128** (Blackman and Vigna 2018), seeded with the SHA-256 of the key.
 * The same key gives the same stream on every machine and version.
 */
export function random(...key: readonly (string | number)[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(key)).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number];
  const word = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return {
    next: () => word() / 2 ** 32,
    below(n) {
      if (!(n >= 1 && n <= 2 ** 32))
        throw new RangeError(`below: expected a number from 1 to 2^32, found ${n}`);
      const limit = 2 ** 32 - (2 ** 32 % n);
      for (;;) {
        const value = word();
        if (value < limit) return value % n;
      }
    },
  };
}

/**
 * The numbers 0 to n - 1 in a random order, drawn lazily: the first k cost k steps however large n is
 * (Fisher and Yates's shuffle over a sparse table).
 */
export function* shuffled(n: number, source: Random): Generator<number, void, undefined> {
  const moved = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const j = i + source.below(n - i);
    const drawn = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
    moved.delete(i);
    yield drawn;
  }
}
