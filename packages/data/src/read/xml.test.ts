import { describe, expect, it } from 'vitest';
import { parseXml } from './xml.js';

const parse = (text: string) => parseXml(Buffer.from(text), 'a.xml');

describe('parseXml', () => {
  it('gives elements in order with escapes, character references and CDATA decoded', () => {
    const root = parse(
      '<?xml version="1.0"?>\n<!-- c --><a>x &amp;<!-- y --><![CDATA[&amp;<b>]]>&#x41;&#66;<b>1</b><c k="v"/><b> 2 </b></a>\n',
    );
    expect(root.text).toBe('x &&amp;<b>AB');
    expect(root.children.map(({ name, text }) => [name, text])).toEqual([
      ['b', '1'],
      ['c', ''],
      ['b', ' 2 '],
    ]);
  });

  it('reads other encodings by mark or declaration', () => {
    expect(
      parseXml(Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>', 'latin1'), 'a.xml').text,
    ).toBe('é');
    expect(parseXml(Buffer.from('\ufeff<a>é</a>', 'utf16le'), 'a.xml').text).toBe('é');
    expect(parse('\ufeff<a>é</a>').text).toBe('é');
    expect(() => parseXml(Buffer.from('<a>\xe9</a>', 'latin1'), 'a.xml')).toThrow(/a\.xml.*utf-8/);
  });

  it('reads past a document type without entities', () => {
    expect(parse('<!DOCTYPE a SYSTEM "file:///etc/hostname">\n<a>1</a>').text).toBe('1');
    expect(() => parse('<!DOCTYPE a [\n<!ELEMENT a ANY>\n]>\n<a>\n<b></a>')).toThrow(/line 5/);
  });

  it.each([
    ['crossed tags', '<a>\n<b>\n</a></b>', /a\.xml, line 3/],
    ['an unclosed root', '<a><b></b>', /a\.xml, line 1/],
    ['a cut tag', '<a><b></b></a', /a\.xml/],
    ['an end without a start', '<a></a></b>', /a\.xml/],
    ['two roots', '<a></a><b></b>', /root/],
    ['two empty roots', '<a/><b/>', /second root/],
    ['text behind the root', '<a/>t', /text outside/],
    ['a comment without end', '<a>\n<!-- </a>', /line 2.*no end/],
    ['CDATA without end', '<a>\n<![CDATA[ </a>', /line 2.*no end/],
    ['a declaration in the body', '<a><!ELEMENT b ANY></a>', /malformed/],
    ['an unknown entity', '<a>&foo;</a>', /&foo;/],
    ['a bare ampersand', '<a>a & b</a>', /a\.xml/],
    ['an impossible character', '<a>&#x110000;</a>', /&#x110000;/],
    ['an attribute without quotes', '<a b=c></a>', /a\.xml/],
    ['nothing', '', /a\.xml/],
    ['blanks', ' \n ', /a\.xml/],
    ['no XML', '{"a": 1}', /a\.xml/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    [
      'nested',
      `<!DOCTYPE a [<!ENTITY l0 "lol">${Array.from({ length: 12 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('\n')}]><a>&l12;</a>`,
    ],
    ['quadratic', `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(1e6)}">]><a>${'&b;'.repeat(1e5)}</a>`],
    ['external', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ['parameter', '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/x.dtd"> %b;]><a>1</a>'],
    ['behind a comment', '<?xml version="1.0"?><!-- <!DOCTYPE a> -->\n<!DOCTYPE a [<!ENTITY b "]>">]><a>&b;</a>'],
    ['lower case', '<!DOCTYPE a [<!entity b "c">]><a>&b;</a>'],
  ])('refuses %s entities at once', (_, text) => {
    const [start, before] = [performance.now(), process.memoryUsage().rss];
    expect(() => parse(text)).toThrow(/a\.xml/);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
