import { defineConfig } from 'vitest/config';

/** The tests that mutants of prompts, planning and statistics are held against; simulations would take days. */
export default defineConfig({
  test: {
    include: ['prompts', 'scoring', 'stats', 'check', 'metamorphic'].map(
      (part) => `tests/${part}/**/*.test.ts`,
    ),
    exclude: ['tests/scoring/beam.test.ts'],
    testTimeout: 60_000,
  },
});
