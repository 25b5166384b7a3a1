/** @file A report as plain blocks, written once and rendered as Markdown and as HTML, which therefore agree. */

/** A piece of running text. */
export type Inline = string | { readonly strong: string } | { readonly code: string } | Link | Badge;

/** A file beside the report, by relative path with `/`. */
export interface Link {
  readonly link: string;
  readonly text: string;
}

export type Tone = 'warning' | 'note' | 'good';

/** A word that stands by a number or a name and says how to take it, such as `leaks`. */
export interface Badge {
  readonly badge: string;
  readonly tone: Tone;
}

/** What stands in a cell of a table. */
export type Cell = string | readonly Inline[];

export interface Table {
  readonly kind: 'table';
  readonly head: readonly string[];
  /** One per column. */
  readonly align: readonly ('left' | 'right')[];
  readonly rows: readonly (readonly Cell[])[];
  /** Number of last rows that are sums or averages. */
  readonly summaryRows?: number;
}

export interface PictureBlock {
  readonly kind: 'picture';
  /** SVG text with a width in pixels. Colours of {@link pictureColours} follow the reader's light or dark setting. */
  readonly svg: string;
  /** Where the same picture lies as a file beside the report. */
  readonly file: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
}

/** Small pictures side by side, as many in a row as fit. In Markdown the captions alone remain, as a list. */
export interface GalleryBlock {
  readonly kind: 'gallery';
  /** Three in a row of a wide page at most; default five. */
  readonly large?: boolean;
  readonly items: readonly { readonly svg: string; readonly alt: string; readonly caption: Cell }[];
}

/** A sound inside the page. */
export interface Sound {
  /** A `data:` address. */
  readonly uri: string;
  readonly seconds: number;
}

/** One clip of a list. */
export interface ClipEntry {
  readonly name: string;
  /** Key of one of the document's sounds, where the clip can be heard. */
  readonly sound?: string;
  /** As many as the list's `head` has names. */
  readonly facts: readonly Cell[];
  /** SVG text, such as a spectrogram; not in Markdown. */
  readonly picture?: { readonly svg: string; readonly alt: string };
}

/** Clips, each with a button to hear it. In Markdown a table of names and facts. */
export interface ClipsBlock {
  readonly kind: 'clips';
  /** What the facts are. */
  readonly head: readonly string[];
  readonly clips: readonly ClipEntry[];
}

/**
 * A matrix of counts, classes down (truth) and across (prediction), whose cells open a list of their clips. In Markdown
 * `picture` stands for it.
 */
export interface MatrixBlock {
  readonly kind: 'matrix';
  readonly classes: readonly string[];
  /** matrix[row][column]: counts, ≥ 0. */
  readonly matrix: readonly (readonly number[])[];
  /** The clips of cells; a cell without an entry cannot be opened. */
  readonly cells: readonly {
    readonly row: number;
    readonly column: number;
    /** Those to list; where there are fewer than the cell counts, the list says so. */
    readonly clips: readonly ClipEntry[];
  }[];
  /** What the facts of the clips are. */
  readonly head: readonly string[];
  readonly picture: PictureBlock;
}

export type Block =
  | { readonly kind: 'heading'; readonly text: string; readonly level?: 2 | 3 }
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'lead'; readonly content: readonly Inline[] }
  | { readonly kind: 'badges'; readonly badges: readonly { readonly tone: Tone; readonly text: string }[] }
  | { readonly kind: 'list'; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] }
  | PictureBlock
  | GalleryBlock
  | ClipsBlock
  | MatrixBlock
  | Table;

export interface ReportDocument {
  readonly title: string;
  readonly blocks: readonly Block[];
  /** What can be heard, by the key that clips name. */
  readonly sounds?: Readonly<Record<string, Sound>>;
}
