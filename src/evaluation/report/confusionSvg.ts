/** @file The confusion matrix as a picture: rows true, columns predicted, shaded by share of the true class. */
import type { ConfusionMatrix } from '../../metrics/index.ts';
import type { Palette } from './palette.ts';
import { escapeHtml } from './renderHtml.ts';

/** Up to this many classes the counts stand in the cells; beyond, cells are too small and only shade remains. */
const mostWithNumbers = 25;

/** The picture as SVG text. */
export function confusionSvg({ classes, matrix }: ConfusionMatrix<string>, palette: Palette): string {
  const n = classes.length;
  const numbers = n <= mostWithNumbers;
  const cell = numbers ? 40 : Math.max(6, Math.min(18, 900 / n));
  const fontSize = numbers ? 13 : Math.max(5, Math.min(11, cell));
  const names = classes.map((name) => shorten(name, 28));
  const longest = Math.max(...names.map(textUnits)) * fontSize * 0.56;
  const left = longest + 36;
  const top = longest * 0.71 + 40;
  // Slanted names of the last columns lean out to the right.
  const width = left + n * cell + Math.max(8, textUnits(names.at(-1)!) * fontSize * 0.4);
  const height = top + n * cell + 12;
  const parts: string[] = [];
  const text = (x: number, y: number, content: string, attributes: string) =>
    parts.push(`<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeHtml(content)}</text>`);

  names.forEach((name, i) => {
    const middle = i * cell + cell / 2;
    text(left - 8, top + middle + fontSize * 0.36, name, `text-anchor="end" fill="${palette.ink}"`);
    const [x, y] = [left + middle + fontSize * 0.3, top - 8];
    text(x, y, name, `transform="rotate(-45 ${round(x)} ${round(y)})" fill="${palette.ink}"`);
  });
  matrix.forEach((row, i) => {
    const total = row.reduce((a, b) => a + b, 0);
    row.forEach((count, j) => {
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [left + j * cell, top + i * cell];
      const title = `${classes[i]} taken for ${classes[j]}: ${count} of ${total}`;
      parts.push(
        `<rect x="${round(x)}" y="${round(y)}" width="${round(cell)}" height="${round(cell)}" fill="${palette.heat}" ` +
          `fill-opacity="${round(share)}" stroke="${palette.line}" stroke-width="${numbers ? 1 : 0.5}">` +
          `<title>${escapeHtml(title)}</title></rect>`,
      );
      if (!numbers || count === 0) return;
      const fill = share > 0.6 ? palette.onHeat : palette.ink;
      const weight = i === j ? ' font-weight="600"' : '';
      text(
        x + cell / 2,
        y + cell / 2 + fontSize * 0.36,
        String(count),
        `text-anchor="middle" fill="${fill}"${weight}`,
      );
    });
  });
  text(left, 14, 'predicted as →', `fill="${palette.soft}"`);
  const [x, y] = [14, top + (n * cell) / 2];
  text(
    x,
    y,
    '← true class',
    `text-anchor="middle" transform="rotate(-90 ${x} ${round(y)})" fill="${palette.soft}"`,
  );
  return svgElement(width, height, palette, fontSize, parts);
}

/** The outer element: scales down with the page, but not below what can be read. */
export function svgElement(
  width: number,
  height: number,
  palette: Palette,
  fontSize: number,
  parts: readonly string[],
): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  const background =
    palette.paper === 'none' ? '' : `<rect width="${w}" height="${h}" fill="${palette.paper}"/>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" ` +
    `style="width:100%;max-width:${w}px;min-width:${Math.round(w * 0.75)}px" ` +
    `font-family="${palette.font}" font-size="${round(fontSize)}">${background}${parts.join('')}</svg>`
  );
}

/** At most two decimals. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function shorten(name: string, most: number): string {
  const characters = [...name];
  return characters.length <= most ? name : `${characters.slice(0, most - 1).join('')}…`;
}

/** Width of a text in average Latin letters; those beyond U+1100 (East Asian scripts, emoji) count as two. */
function textUnits(text: string): number {
  let units = 0;
  for (const character of text) units += character.codePointAt(0)! >= 0x1100 ? 2 : 1;
  return units;
}
