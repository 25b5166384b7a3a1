/** @file How every report ends: what could not be used, what is worth knowing, how to repeat it. */
import type { Notice } from '../../core/index.ts';
import type { Block, Table } from './document.ts';
import { countText } from './scoreText.ts';

/** Clips that could not be used, and remarks, 200 of each at most. */
export function clipNoticeBlocks({
  failures,
  notices,
}: {
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}): Block[] {
  const blocks: Block[] = [];
  const most = 200;
  const tableOf = (list: readonly Notice[], head: string): Table => ({
    kind: 'table',
    head: [head, 'what'],
    align: ['left', 'left'],
    rows: [
      ...list.slice(0, most).map(({ subject, message }) => [subject, message]),
      ...(list.length > most ? [['…', `and ${countText(list.length - most)} more`]] : []),
    ],
  });
  if (failures.length > 0) {
    blocks.push({ kind: 'heading', text: 'Clips that could not be used' }, tableOf(failures, 'file'));
  }
  if (notices.length > 0) blocks.push({ kind: 'heading', text: 'Remarks' }, tableOf(notices, 'about'));
  return blocks;
}

/** What is needed to do it again and get the same. */
export interface Repetition {
  readonly command: string;
  /** Of the data. */
  readonly fingerprint: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly device?: string;
  readonly seed: number;
  /** Any JSON value. */
  readonly config: unknown;
}

/** Command, seed, data, versions and configuration. */
export function repeatBlocks({ command, fingerprint, versions, device, seed, config }: Repetition): Block[] {
  return [
    ...commandBlocks(command, [
      ['seed', String(seed)],
      ['data fingerprint', fingerprint],
      ...(device === undefined ? [] : [['device', device]]),
      ...Object.entries(versions),
    ]),
    {
      kind: 'details',
      summary: 'Configuration, resolved',
      blocks: [{ kind: 'code', language: 'json', text: JSON.stringify(config, null, 2) ?? 'null' }],
    },
  ];
}

/** The command, and a table of what else it takes to get the same. */
export function commandBlocks(command: string, facts: readonly (readonly string[])[]): Block[] {
  return [
    { kind: 'heading', text: 'Repeat it' },
    { kind: 'code', language: 'sh', text: command },
    { kind: 'table', head: ['what', 'value'], align: ['left', 'left'], rows: facts },
  ];
}
