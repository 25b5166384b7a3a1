/** @file Pictures that follow the reader's light or dark setting. */
import { pictureColours } from '../../pictures/index.ts';

/** The colours of pictures, in the dark where they differ: as light on dark as they are dark on light. */
const inTheDark: Record<string, string> = {
  [pictureColours.ink]: '#e4e8ef',
  [pictureColours.softInk]: '#a0aabb',
  [pictureColours.line]: '#3d4757',
  '#0072b2': '#56a8e8',
  '#d55e00': '#f08b3e',
  '#009e73': '#3fc79a',
  '#cc79a7': '#e39cc4',
  '#e69f00': '#f0b940',
  '#56b4e9': '#8fd0f7',
};

const variable = (colour: string) => `--c${colour.slice(1)}`;

/** Style declarations for dark pages: the colours that {@link themedSvg} leaves open. */
export const darkColours = Object.entries(inTheDark)
  .map(([light, dark]) => `${variable(light)}: ${dark};`)
  .join(' ');

/**
 * An SVG for a page: the shared colours become variables of the style sheet with the light colour as default, the paper
 * becomes the page's own. Colours that mean a value, as in a spectrogram, stay.
 */
export function themedSvg(svg: string): string {
  return svg
    .replace(/(?<=["':\s])(#[0-9a-f]{6})(?=["';\s])/g, (colour) =>
      Object.hasOwn(inTheDark, colour) ? `var(${variable(colour)},${colour})` : colour,
    )
    .replace(/background:\s*#ffffff/g, 'background:none');
}
