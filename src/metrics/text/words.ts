import { PYTHON_SPACE } from '../../space.ts';

const SPACE = new RegExp(`[${PYTHON_SPACE}]+`);

/** The words between white space, as Python's str.split has them. */
export function words(text: string): string[] {
  return text.split(SPACE).filter((word) => word !== '');
}

export function countOf<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
