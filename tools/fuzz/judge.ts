/** @file One execution: an input that follows from seed and number, and what a reader makes of it. */
import { EarshotError, Random } from '../../src/core/index.ts';
import type { Reader, Target } from './targets.ts';

/** Longest that reading may take, of the processor's time: another program's load is not the reader's fault. */
export const slowSeconds = 5;
/** Memory that reading may take for less than a megabyte. */
const muchMemory = 500 * 2 ** 20;

export type DefectKind = 'error' | 'slow' | 'memory' | 'not-finite' | 'crash' | 'hang';

export interface Defect {
  readonly kind: DefectKind;
  /** Tells defects from one another: the error and where it was thrown. */
  readonly signature: string;
}

export type Outcome = 'accepted' | 'refused' | Defect;

/** The input of execution `i`. The same for the same seed, whatever ran before. */
export function inputOf(target: Target, seeds: readonly Uint8Array[], seed: number, i: number): Uint8Array {
  const random = new Random(`${seed} ${target.name} ${i}`);
  let bytes = random.pick(seeds);
  for (let times = 1 + (random.integer(4) === 0 ? random.integer(3) : 0); times > 0; times--)
    bytes = target.mutate(bytes, random, seeds);
  return bytes;
}

/** Reads bytes once. */
export async function judge(reader: Reader, bytes: Uint8Array): Promise<Outcome> {
  const start = process.cpuUsage();
  let outcome: Outcome;
  try {
    const verdict = await reader.read(bytes);
    outcome = verdict === undefined ? 'accepted' : { kind: verdict, signature: verdict };
  } catch (error) {
    outcome = isTyped(error) ? 'refused' : { kind: 'error', signature: signatureOf(error) };
  }
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  if (seconds > slowSeconds) return { kind: 'slow', signature: 'slow' };
  // Memory of this size is not taken in less time; to ask costs more than most readings do.
  if (seconds > 0.02 && bytes.length < 2 ** 20) {
    const grown = process.memoryUsage.rss() - baseline;
    if (grown > muchMemory) return { kind: 'memory', signature: 'memory' };
  }
  return outcome;
}

let baseline = process.memoryUsage.rss();

/** To be called between executions, now and then: garbage of many readings is not the next one's. */
export function settleMemory(): void {
  baseline = process.memoryUsage.rss();
}

/** An error of Earshot's own, with whole sentences. */
function isTyped(error: unknown): boolean {
  return error instanceof EarshotError && error.message.length > 10 && !error.message.includes('[object ');
}

function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const frame = /\n\s+at (?:.*?\()?(?:file:\/\/)?(?:.*?\/)?((?:src|node_modules|tools)\/[^\s:)]+:\d+)/.exec(
    error.stack ?? '',
  )?.[1];
  return `${error.name}: ${error.message.replace(/\d+/g, 'N').slice(0, 100)} at ${frame ?? 'unknown'}`;
}
