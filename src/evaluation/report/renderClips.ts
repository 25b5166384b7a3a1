/** @file Clips to hear, and the matrix that opens lists of them, as HTML. */
import type { Cell, ClipEntry, ClipsBlock, MatrixBlock, Sound } from './document.ts';
import { escapeHtml } from './escape.ts';
import { countText, plural } from './scoreText.ts';
import { themedSvg } from './themedSvg.ts';

/** What rendering keeps track of. */
export interface ClipContext {
  readonly sounds: Readonly<Record<string, Sound>>;
  /** How a cell's content is written. */
  readonly cell: (cell: Cell) => string;
  /** Identifiers given out. */
  ids: number;
}

export function renderClips(
  { head, clips }: Pick<ClipsBlock, 'head' | 'clips'>,
  context: ClipContext,
): string {
  return `<ul class="clips">${clips.map((clip) => renderClip(clip, head, context)).join('')}</ul>`;
}

function renderClip(
  { name, sound, facts, picture }: ClipEntry,
  head: readonly string[],
  { sounds, cell }: ClipContext,
): string {
  const known = sound === undefined ? undefined : sounds[sound];
  const label = escapeHtml(name);
  const button =
    known === undefined
      ? '<span class="mute" aria-hidden="true"></span>'
      : `<button type="button" class="play" data-sound="${escapeHtml(sound!)}" aria-label="Play ${label} (${known.seconds.toFixed(1)} s)"></button>`;
  const told = facts.map(
    (fact, i) => `<span><span class="fact">${escapeHtml(head[i] ?? '')}</span> ${cell(fact)}</span>`,
  );
  const drawn =
    picture === undefined
      ? ''
      : `<div class="scroll" tabindex="0" role="img" aria-label="${escapeHtml(picture.alt)}">${themedSvg(picture.svg)}</div>`;
  return `<li>${button}<div><div class="name">${label}</div><div class="facts">${told.join(' ')}</div></div>${drawn}</li>`;
}

/** The matrix as a table; cells with clips are buttons, and the lists they open follow the table. */
export function renderMatrix(block: MatrixBlock, context: ClipContext): string {
  const { classes, matrix, head } = block;
  const id = `matrix-${++context.ids}`;
  const listed = new Map(block.cells.map((cell) => [`${cell.row}-${cell.column}`, cell]));
  const names = classes.map((name) => escapeHtml(name.replaceAll('_', ' ')));
  const rows = matrix.map((counts, row) => {
    const total = counts.reduce((a, b) => a + b, 0);
    const cells = counts.map((count, column) => {
      const share = total === 0 ? 0 : count / total;
      const kind = row === column ? 'right' : 'wrong';
      const style = count === 0 ? '' : ` style="--share:${share.toFixed(3)}"`;
      // Black counts on light shades, white on dark ones (the other way round in the dark): contrast stays above 4.5.
      const strong = share > 0.78 ? ' strong' : '';
      const panel = listed.has(`${row}-${column}`) ? `${id}-${row}-${column}` : null;
      const what = `${names[row]}, predicted as ${names[column]}: ${plural(count, 'clip')}`;
      const content =
        count === 0
          ? '<span class="none">·</span>'
          : panel === null
            ? countText(count)
            : `<button type="button" data-panel="${panel}" aria-expanded="false" aria-controls="${panel}" aria-label="${what}" title="${what}">${countText(count)}</button>`;
      return `<td class="${kind}${strong}"${style}>${content}</td>`;
    });
    return `<tr><th scope="row">${names[row]}</th>${cells.join('')}</tr>`;
  });
  const heads = names.map((name) => `<th scope="col"><span>${name}</span></th>`);
  const hint = listed.size === 0 ? '' : ' <strong>Choose a cell to list and hear its clips.</strong>';
  const caption = `<p class="caption" id="${id}-caption">Rows are true classes, columns predicted ones; the shade is the share of the row.${hint}</p>`;
  const table = `${caption}<div class="scroll" tabindex="0"><table class="matrix" aria-describedby="${id}-caption"><thead><tr><td></td>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
  const panels = block.cells.map(({ row, column, clips }) => {
    const count = matrix[row][column];
    const title =
      row === column
        ? `${names[row]}, recognised: ${plural(count, 'clip')}`
        : `${names[row]} taken for ${names[column]}: ${plural(count, 'clip')}`;
    const heard = clips.filter(({ sound }) => sound !== undefined && sound in context.sounds).length;
    const parts = [
      ...(clips.length < count ? [`${countText(clips.length)} listed`] : []),
      `${countText(heard)} can be heard here`,
    ];
    return `<section id="${id}-${row}-${column}" class="panel" hidden><h3 tabindex="-1">${title} <small>(${parts.join(', ')})</small></h3>${renderClips({ head, clips }, context)}</section>`;
  });
  return `<div class="matrix-box" id="${id}">${table}${panels.join('')}</div>`;
}
