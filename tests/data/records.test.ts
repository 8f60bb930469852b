import { describe, expect, test } from 'vitest';
import { parseRecords } from '../../src/data/records.ts';
import { UserError } from '../../src/errors.ts';
import { tasks } from '../../tasks/index.ts';

const one = (text: string): ReturnType<typeof parseRecords>[number] =>
  parseRecords('f.jsonl', text, 'jsonl')[0]!;

describe('records of several lines, whole files, tables without names', () => {
  test('so many lines a record, under the first one', () => {
    const text = 'a\n1\n\nb\n2\n';
    const records = parseRecords('f', text, 'lines', { each: 2 });
    expect(records.map((r) => [r.line, r.text])).toEqual([
      [1, 'a\n1'],
      [4, 'b\n2'],
    ]);
    expect(() => parseRecords('f', 'a\n1\nb\n', 'lines', { each: 2 })).toThrow(
      new UserError('f: expected 2 lines a record, found 3 in all'),
    );
  });

  test('a whole file as it is', () => {
    const text = ' = A = \r\n\n b ';
    expect(parseRecords('f', text, 'text').map((r) => [r.line, r.text])).toEqual([[1, text]]);
  });

  test('columns by the names that are given: the first line is a record', () => {
    const header = ['source', 'label', 'sentence'];
    const tsv = parseRecords('f', 'x\t1\t"He left\ny\t0\tLeft he\n', 'tsv', { header });
    expect(tsv.map((r) => [r.line, r.string('label'), r.string('sentence')])).toEqual([
      [1, '1', '"He left'],
      [2, '0', 'Left he'],
    ]);
    const csv = parseRecords('f', '"a, b",2\n', 'csv', { header: ['t', 'n'] });
    expect([csv[0]!.string('t'), csv[0]!.string('n')]).toEqual(['a, b', '2']);
    expect(() => parseRecords('f', 'x\t1\n', 'tsv', { header })).toThrow(/^f:1: expected 3 columns, found 2/);
  });

  test('an object that a text spells', () => {
    const record = one('{"problem": "{\\"goal\\": \\"tea\\"}", "bad": "{"}');
    expect(record.json('problem').string('goal')).toBe('tea');
    expect(() => record.json('bad')).toThrow(/^f\.jsonl:1: not JSON: /);
  });
});

describe('parseRecords', () => {
  test('a record a line; blank lines are skipped and counted; CRLF and a missing last line end are the same', () => {
    const lines = ['{"a":"1"}', '', '{"a":"2"}', '  \t', '{"a":"3"}'];
    for (const end of ['\n', '\r\n']) {
      for (const last of ['', end, end + end]) {
        const records = parseRecords('f', lines.join(end) + last, 'jsonl');
        expect(records.map((r) => [r.line, r.string('a'), r.text])).toEqual([
          [1, '1', '{"a":"1"}'],
          [3, '2', '{"a":"2"}'],
          [5, '3', '{"a":"3"}'],
        ]);
      }
    }
    expect(parseRecords('f', '', 'jsonl')).toEqual([]);
    expect(parseRecords('f', '\r\n \n', 'lines')).toEqual([]);
  });

  test('lines are texts as they stand, but for the line end', () => {
    const text = ' {"not": json} \r\n\u2028\u0085 separators of Unicode end no line\nlast ';
    expect(parseRecords('f', text, 'lines').map((r) => [r.line, r.text])).toEqual([
      [1, ' {"not": json} '],
      [2, '\u2028\u0085 separators of Unicode end no line'],
      [3, 'last '],
    ]);
    expect(() => parseRecords('f', 'x', 'lines')[0]!.string('text')).toThrow(
      new UserError('f:1: "text" expected a string, found nothing'),
    );
  });

  test.each([
    ['{"a":1}\n\n{"a":\n', /^f\.jsonl:3: not JSON: /],
    ['{"a":1}\r\n\r\nnope\r\n', /^f\.jsonl:3: not JSON: .*nope/],
    ["{'a': 1}", /^f\.jsonl:1: not JSON: /],
    ['{"a":NaN}', /^f\.jsonl:1: not JSON: /],
    ['\n[1,2]', /^f\.jsonl:2: expected a JSON object, found \[1,2\]$/],
    ['null', /^f\.jsonl:1: expected a JSON object, found null$/],
    ['"text"', /^f\.jsonl:1: expected a JSON object, found "text"$/],
    [`[${'1,'.repeat(99)}1]`, /^f\.jsonl:1: expected a JSON object, found \[(1,){29}1?…$/],
  ])('malformed %j names file and line', (text, message) => {
    expect(() => parseRecords('f.jsonl', text, 'jsonl')).toThrow(UserError);
    expect(() => parseRecords('f.jsonl', text, 'jsonl')).toThrow(message);
  });
});

describe('a record checks its fields', () => {
  test.each([
    ['{"a":1}', '"a" expected a string, found 1'],
    ['{"a":null}', '"a" expected a string, found null'],
    ['{"a":["x"]}', '"a" expected a string, found ["x"]'],
    ['{"b":"x"}', '"a" expected a string, found nothing'],
    ['{}', '"a" expected a string, found nothing'],
  ])('%s', (text, message) => {
    expect(() => one(text).string('a')).toThrow(new UserError(`f.jsonl:1: ${message}`));
  });

  test("names of JavaScript's own are fields like any other", () => {
    expect(() => one('{}').string('constructor')).toThrow('"constructor" expected a string, found nothing');
    expect(() => one('{}').string('__proto__')).toThrow(UserError);
    expect(one('{"toString":"x"}').string('toString')).toBe('x');
    expect(one('{"__proto__":"x"}').string('__proto__')).toBe('x');
  });

  test('oneOf gives the value or says which were expected', () => {
    expect(one('{"a":"n"}').oneOf('a', ['e', 'n'])).toBe('n');
    expect(() => one('{"a":"N"}').oneOf('a', ['e', 'n'])).toThrow(
      new UserError('f.jsonl:1: "a" expected one of e, n, found "N"'),
    );
    expect(() => one('{"a":0}').oneOf('a', ['0'])).toThrow('"a" expected a string, found 0');
  });

  test('a long value is shortened', () => {
    expect(() => one(JSON.stringify({ a: 'x'.repeat(999) })).oneOf('a', ['e'])).toThrow(/"x{59}…$/);
  });

  test('fail takes the place along', () => {
    expect(() => parseRecords('p/q.txt', '\n\nx', 'lines')[0]!.fail('odd')).toThrow(
      new UserError('p/q.txt:3: odd'),
    );
  });
});

describe('a malformed record of a task names file and line', () => {
  const decode = (name: string, line: unknown): unknown => {
    const task = tasks.find((t) => t.name === name)!;
    return task.decode(parseRecords('d.jsonl', `\n${JSON.stringify(line)}`, 'jsonl')[0]!);
  };
  const anli = { uid: 'u', context: 'P', hypothesis: 'H', label: 'e' };

  test.each([
    ['anli-r1', { ...anli, label: 'x' }, 'd.jsonl:2: "label" expected one of e, n, c, found "x"'],
    ['anli-r2', { ...anli, label: 0 }, 'd.jsonl:2: "label" expected a string, found 0'],
    ['anli-r3', { ...anli, uid: undefined }, 'd.jsonl:2: "uid" expected a string, found nothing'],
    ['lambada', { text: 7 }, 'd.jsonl:2: "text" expected a string, found 7'],
    ['lambada', { text: 'word' }, 'd.jsonl:2: expected a passage of several words, found "word"'],
    ['arithmetic-2d-add', { context: 'Q' }, 'd.jsonl:2: "completion" expected a string, found nothing'],
  ])('%s, %j', (name, line, message) => {
    expect(() => decode(name, line)).toThrow(new UserError(message));
  });

  test('what is well formed is decoded', () => {
    expect(decode('anli-r1', anli)).toMatchObject({ id: 'u', premise: 'P', hypothesis: 'H', label: 'e' });
    expect(decode('lambada', { text: 'two words' })).toEqual({ id: '2', text: 'two words' });
  });
});
