/** @file Small pieces of SVG text, with the look that all pictures share. */

/** A finished drawing: SVG text and the same as a PNG file. */
export interface Picture {
  readonly svg: string;
  readonly png: Uint8Array;
}

export const ink = '#1f2328';
export const softInk = '#57606a';
export const fontFamily = "'DejaVu Sans', Verdana, sans-serif";

/** Colours that all drawings share. Pages turn them round in the dark. */
export const pictureColours = { ink, softInk, line: '#d0d7de' } as const;

/** Text made safe for SVG; control characters, which XML forbids, become spaces. */
export function escapeXml(text: string): string {
  const safe = Array.from(text, (c) => (c < ' ' && c !== '\n' && c !== '\t' ? ' ' : c)).join('');
  return safe.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** One element; numbers are rounded to hundredths, `undefined` attributes left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = '',
): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? +value.toFixed(2) : escapeXml(value!)}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

export interface TextStyle {
  size?: number;
  anchor?: 'start' | 'middle' | 'end';
  fill?: string;
  weight?: 'normal' | 'bold';
  /** Degrees, about the text's own position. */
  rotate?: number;
}

/** Text whose middle line lies at `y`. */
export function label(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, anchor = 'start', fill = ink, weight, rotate } = style;
  return element(
    'text',
    {
      x,
      y: y + size * 0.36,
      'font-size': size,
      'text-anchor': anchor === 'start' ? undefined : anchor,
      fill,
      'font-weight': weight,
      transform: rotate === undefined ? undefined : `rotate(${rotate} ${+x.toFixed(2)} ${+y.toFixed(2)})`,
    },
    escapeXml(content),
  );
}

/** A whole drawing on white. */
export function svgDocument(width: number, height: number, ...content: string[]): string {
  const background = element('rect', { class: 'paper', width, height, fill: '#ffffff' });
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width: Math.round(width),
      height: Math.round(height),
      viewBox: `0 0 ${Math.round(width)} ${Math.round(height)}`,
      'font-family': fontFamily,
    },
    `${background}\n${content.join('\n')}\n`,
  );
}

/** About how wide a text is in DejaVu Sans: its mean advance is 0.6 of the size. */
export function textWidth(text: string, size: number): number {
  return Array.from(text).length * size * 0.6;
}

/** The text, cut with an ellipsis to at most `length` characters. */
export function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** Round steps (1, 2 or 5 times a power of ten) within [low, high], about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const out: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    out.push(Number((i * step).toPrecision(12)));
  }
  return out;
}
