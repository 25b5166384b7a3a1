/** @file A report as plain blocks, written once and rendered as Markdown and as HTML, which therefore agree. */

/** A piece of running text. */
export type Inline = string | { readonly strong: string } | { readonly code: string } | Link;

/** A file beside the report, by relative path with `/`. */
export interface Link {
  readonly link: string;
  readonly text: string;
}

export type Tone = 'warning' | 'note' | 'good';

export interface Table {
  readonly kind: 'table';
  readonly head: readonly string[];
  /** One per column. */
  readonly align: readonly ('left' | 'right')[];
  readonly rows: readonly (readonly string[])[];
  /** Number of last rows that are sums or averages. */
  readonly summaryRows?: number;
}

export interface PictureBlock {
  readonly kind: 'picture';
  /** SVG text with a width in pixels. */
  readonly svg: string;
  /** Where the same picture lies as a file beside the report. */
  readonly file: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
}

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'lead'; readonly content: readonly Inline[] }
  | { readonly kind: 'badges'; readonly badges: readonly { readonly tone: Tone; readonly text: string }[] }
  | { readonly kind: 'list'; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] }
  | PictureBlock
  | Table;

export interface ReportDocument {
  readonly title: string;
  readonly blocks: readonly Block[];
}
