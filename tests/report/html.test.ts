import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Html, html } from '../../src/report/html.ts';

describe('html', () => {
  test.each([
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    [`"><img src=x onerror='x'>`, '&quot;&gt;&lt;img src=x onerror=&#39;x&#39;&gt;'],
    ['&lt;b&gt; &amp;', '&amp;lt;b&amp;gt; &amp;amp;'],
    ['</td></table><!--', '&lt;/td&gt;&lt;/table&gt;&lt;!--'],
    ['{{x}} $& $1 `', '{{x}} $&amp; $1 `'],
  ])('escapes %s', (text, escaped) => {
    expect(html`<p title="${text}">${text}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  test('any text is inert and reads back as itself', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", 'a', ';', '漢', '\u2028', '\0') }),
        (text) => {
          const found = html`${text}`.text;
          expect(found).not.toMatch(/[<>"']/);
          const back = found.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) =>
            name === 'amp' ? '&' : name === 'lt' ? '<' : name === 'gt' ? '>' : name === 'quot' ? '"' : "'",
          );
          expect(back).toBe(text.replaceAll('\0', '\ufffd'));
        },
      ),
    );
  });

  test('what turns the direction of reading is shown, not done', () => {
    expect(html`a\u202eb${'c\u202ed\u2066e\u2069 שלום \u200f'}`.text).toBe(
      'a\u202ebc\ufffdd\ufffde\ufffd שלום \u200f',
    );
  });

  test('HTML is kept, lists are joined, null, undefined and false vanish, 0 and "" stay what they are', () => {
    const row = html`<b>${'<'}</b>`;
    expect(html`${row}|${[row, '<', [row, 1]]}|${null}${undefined}${false}|${0}|${''}`.text).toBe(
      '<b>&lt;</b>|<b>&lt;</b>&lt;<b>&lt;</b>1||0|',
    );
    expect(html`${new Html('<i>')}`.text).toBe('<i>');
    expect(`${row}`).toBe('<b>&lt;</b>');
  });

  test('only its own class passes: an object that looks like HTML is no HTML', () => {
    const fake = { text: '<script>' } as unknown as Html;
    let text = '';
    try {
      text = html`${fake}`.text;
    } catch {
      // Refusing it is as good.
    }
    expect(text).not.toContain('<');
  });
});
