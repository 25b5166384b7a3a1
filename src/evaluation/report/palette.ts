/** @file Colours of the pictures in a report: those of the page around them, or fixed ones for a file of their own. */

export interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
  /** Of a full cell in a matrix. */
  readonly heat: string;
  /** Text on it. */
  readonly onHeat: string;
  readonly second: string;
  readonly font: string;
}

/** Follows the page's light or dark scheme: variables of the report's style sheet. */
export const pagePalette: Palette = {
  paper: 'none',
  ink: 'var(--ink)',
  soft: 'var(--soft)',
  line: 'var(--line)',
  accent: 'var(--accent)',
  heat: 'var(--heat)',
  onHeat: 'var(--on-heat)',
  second: 'var(--second)',
  font: 'inherit',
};

/** Dark on white, for a picture file. */
export const paperPalette: Palette = {
  paper: '#ffffff',
  ink: '#1c2330',
  soft: '#596273',
  line: '#d9dee7',
  accent: '#1f5fbf',
  heat: '#0f4390',
  onHeat: '#ffffff',
  second: '#c2560c',
  font: 'DejaVu Sans, sans-serif',
};
