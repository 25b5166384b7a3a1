import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { printable, printableLines } from '../../src/core/index.ts';

const hostile = 'a\u001b]0;title\u0007\u001b[1A\u001b[8m\r\u009b2J\u202egpj.wav';

describe('names on a terminal', () => {
  it('lose every control character, line feeds included', () => {
    expect(printable(`${hostile}\nfake line`)).toBe(
      'a\\u001b]0;title\\u0007\\u001b[1A\\u001b[8m\\u000d\\u009b2J\\u202egpj.wav\\u000afake line',
    );
    expect(printable('Straße 日本 🎵.wav')).toBe('Straße 日本 🎵.wav');
  });

  it('are escaped in lines, whose own colours and line feeds stay', () => {
    const colours = pc.createColors(true);
    const line = `${colours.red('Error:')} ${colours.bold(colours.cyan('x'))}\tb\n`;
    expect(printableLines(line, { colours: true })).toBe(line);
    expect(printableLines(`${line}${hostile}`, { colours: true })).toBe(`${line}${printable(hostile)}`);
    expect(printableLines(line, { colours: false })).not.toContain('\u001b');
  });

  it('are the same names where JSON is read back', () => {
    const value = { file: hostile, list: ['\u0085', '\u2028'] };
    const text = printableLines(`${JSON.stringify(value, null, 2)}\n`, { colours: false });
    expect(text).not.toMatch(/[\u0080-\u009f\u2028\u202e]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});
