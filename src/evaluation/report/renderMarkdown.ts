/** @file A report document as GitHub-flavoured Markdown. Whatever a class or a file is called, it stays text. */
import type { Block, Cell, ClipsBlock, Inline, ReportDocument, Table, Tone } from './document.ts';
import { relativeUrl } from './escape.ts';

const toneWords: Record<Tone, string> = { warning: '⚠ Warning', note: 'Note', good: 'Good' };

/** The whole document; ends with a newline. */
export function renderMarkdown(document: ReportDocument): string {
  const blocks = document.blocks.map(renderBlock).filter((text) => text !== '');
  return `${[`# ${escapeMarkdown(document.title)}`, ...blocks].join('\n\n')}\n`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${block.level === 3 ? '###' : '##'} ${escapeMarkdown(block.text)}`;
    case 'paragraph':
    case 'lead':
      return block.content.map(renderInline).join('');
    case 'badges':
      return block.badges
        .map(({ tone, text }) => `> **${toneWords[tone]}:** ${escapeMarkdown(text)}`)
        .join('\n>\n');
    case 'list':
      return block.items.map((item) => `- ${item.map(renderInline).join('')}`).join('\n');
    case 'code': {
      const fence = fenceFor(block.text, 3);
      return `${fence}${block.language}\n${block.text.replace(/\n$/, '')}\n${fence}`;
    }
    case 'picture':
      return `![${escapeMarkdown(block.alt)}](${relativeUrl(block.file)})`;
    case 'gallery':
      return block.items.map(({ caption }) => `- ${renderCell(caption)}`).join('\n');
    case 'clips':
      return renderTable(clipTable(block));
    case 'matrix':
      return renderBlock(block.picture);
    case 'details':
      return [`### ${escapeMarkdown(block.summary)}`, ...block.blocks.map(renderBlock)].join('\n\n');
    case 'table':
      return renderTable(block);
  }
}

function renderTable({ head, align, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = align.map((side) => (side === 'right' ? '---:' : '---'));
  return [line(head.map(escapeMarkdown)), line(rule), ...rows.map((row) => line(row.map(renderCell)))].join(
    '\n',
  );
}

/** Names and facts; what can be heard is in the page only. */
function clipTable({ head, clips }: ClipsBlock): Table {
  return {
    kind: 'table',
    head: ['clip', ...head],
    align: ['left', ...head.map(() => 'left' as const)],
    rows: clips.map(({ name, facts }) => [name, ...facts]),
  };
}

function renderCell(cell: Cell): string {
  return typeof cell === 'string' ? escapeMarkdown(cell) : cell.map(renderInline).join('');
}

function renderInline(inline: Inline): string {
  if (typeof inline === 'string') return escapeMarkdown(inline);
  if ('strong' in inline)
    return inline.strong.replace(/\S(?:[\s\S]*\S)?/, (text) => `**${escapeMarkdown(text)}**`);
  if ('badge' in inline) return `**${inline.tone === 'warning' ? '⚠ ' : ''}${escapeMarkdown(inline.badge)}**`;
  if ('link' in inline) return `[${escapeMarkdown(inline.text)}](${relativeUrl(inline.link)})`;
  const text = inline.code.replace(/\s+/g, ' ');
  const fence = fenceFor(text, 1);
  return fence.length === 1 && !/^`|`$/.test(text) ? `\`${text}\`` : `${fence} ${text} ${fence}`;
}

/** A fence of backticks longer than any run of them in the text. */
function fenceFor(text: string, least: number): string {
  const runs = text.match(/`+/g) ?? [];
  return '`'.repeat(Math.max(least, ...runs.map((run) => run.length + 1)));
}

/**
 * Text that Markdown and the HTML within it leave alone; line breaks become spaces, as cells and headings need. Only
 * what could be read as markup is escaped, so that the file stays readable as it is: not the `_` within a word, nor the
 * brackets of an interval.
 */
export function escapeMarkdown(text: string): string {
  return onOneLine(text)
    .replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]!)
    .replace(/[\\`*|#~$]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/\[(?![-−+\d., ]*\](?![(:[]))/g, '\\[')
    .replace(/^(\s*)([-+=])(?=\s|[-+=]|$)/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, '$1\\$2');
}

/** Line breaks and the blanks around them as one blank. (A regular expression would look at a row of blanks once for each.) */
function onOneLine(text: string): string {
  const lines = text.split(/[\r\n]+/);
  const last = lines.length - 1;
  const trimmed = lines.map((line, i) => {
    const begun = i > 0 ? line.trimStart() : line;
    return i < last ? begun.trimEnd() : begun;
  });
  return trimmed.filter((line, i) => line !== '' || i === 0 || i === last).join(' ');
}
