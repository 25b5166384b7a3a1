/**
 * @file The process that reads: thousands of inputs in a row. It may die or hang; the number of the execution that it is
 * at stands in a file, so that its parent knows which one did it.
 */
import { openSync, writeSync } from 'node:fs';
import { type Defect, inputOf, judge, settleMemory } from './judge.ts';
import { minimise } from './minimise.ts';
import { targetByName } from './targets.ts';

export interface Order {
  readonly target: string;
  readonly seed: number;
  /** First execution, and the one after the last. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  /** File of the number. */
  readonly status: string;
  /** Defects that are known, by their signature: they are counted, not shown again. */
  readonly known: readonly string[];
}

export interface Finding {
  readonly defect: Defect;
  readonly execution: number;
  readonly bytes: Uint8Array;
}

export type Message =
  | 'reading'
  | { readonly finding: Finding }
  | { readonly counts: Counts; readonly next: number; readonly done: boolean };

export interface Counts {
  accepted: number;
  refused: number;
  defects: number;
}

/** Beyond this the process makes room for a fresh one. */
const fullMemory = 1.5 * 2 ** 30;

// Decoders print what they think of damaged data.
console.error = () => {};
console.warn = () => {};
process.on('unhandledRejection', (error) => {
  throw error;
});

process.on('message', (order: Order) => void work(order));

async function work(order: Order): Promise<void> {
  const target = targetByName(order.target);
  const reader = await target.open();
  const status = openSync(order.status, 'r+');
  const place = new Float64Array(1);
  const placeBytes = new Uint8Array(place.buffer);
  const counts: Counts = { accepted: 0, refused: 0, defects: 0 };
  const known = new Set(order.known);
  await tell('reading');
  const end = performance.now() + 1000 * order.seconds;
  let i = order.from;
  for (; i < order.to; i++) {
    place[0] = i;
    writeSync(status, placeBytes, 0, 8, 0);
    const bytes = inputOf(target, reader.seeds, order.seed, i);
    const outcome = await judge(reader, bytes);
    if (typeof outcome === 'string') counts[outcome]++;
    else {
      counts.defects++;
      if (!known.has(outcome.signature)) {
        known.add(outcome.signature);
        await tell({ finding: { defect: outcome, execution: i, bytes: await smallest(outcome, bytes) } });
      }
    }
    if (i % 64 === 63) {
      settleMemory();
      if (performance.now() > end || process.memoryUsage.rss() > fullMemory) {
        i++;
        break;
      }
      // Readers that never wait would keep messages from going out.
      if (i % 4096 === 4095) await new Promise(setImmediate);
    }
  }
  await tell({ counts, next: i, done: i >= order.to || performance.now() > end });
  process.exit(0);

  async function smallest(defect: Defect, bytes: Uint8Array): Promise<Uint8Array> {
    if (defect.kind === 'slow' || defect.kind === 'memory') return bytes;
    const until = performance.now() + 20_000;
    return minimise(bytes, async (smaller) => {
      if (performance.now() > until) return false;
      // A hang on the way is this execution's, too.
      const outcome = await judge(reader, smaller);
      return typeof outcome !== 'string' && outcome.signature === defect.signature;
    });
  }
}

function tell(message: Message): Promise<void> {
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}
