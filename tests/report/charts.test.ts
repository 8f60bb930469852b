import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { drawChart, SERIES_COLOURS } from '../../src/report/charts.ts';

test('every series has a symbol of its own that a fill shows', () => {
  const series = SERIES_COLOURS.map((_, style) => ({
    ...{ name: `model ${style}`, style },
    points: ['0', '1'].map((x) => ({ x, y: 0.1 * style, ci95: null })),
  }));
  const svg = drawChart({
    ...{ id: 'all', title: 'All', metric: 'acc', yLabel: 'acc', chance: null, series },
    x: { label: 'k', kind: 'ordinal', domain: ['0', '1'] },
  });
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const points = [...document.querySelectorAll('path')].filter((path) => path.querySelector('title'));
  const shapes = points.map((path) => path.getAttribute('d'));
  // Two points a series; a path that is closed or an arc has an area.
  expect(shapes.length).toBe(2 * series.length);
  expect(new Set(shapes).size).toBe(series.length);
  for (const shape of shapes) expect(shape).toMatch(/[ZA]/);
});
