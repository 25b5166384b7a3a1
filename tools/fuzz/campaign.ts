/** @file Executions of one target, in processes that may die: what came of them. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Counts, Finding, Message, Order } from './child.ts';
import { inputOf, slowSeconds } from './judge.ts';
import { targetByName } from './targets.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Executions at most. */
  readonly executions: number;
}

export interface CampaignResult extends Counts {
  readonly target: string;
  readonly kind: string;
  readonly executions: number;
  readonly seconds: number;
  /** One of each kind of defect. */
  readonly findings: readonly Finding[];
}

/** How long a process may take to start, on a machine with other things to do. */
const startSeconds = 60;

export async function runCampaign(name: string, options: CampaignOptions): Promise<CampaignResult> {
  const target = targetByName(name);
  const folder = mkdtempSync(join(tmpdir(), 'earshot-fuzz-'));
  const status = join(folder, 'status');
  let spent = 0;
  let since = performance.now();
  const counts: Counts = { accepted: 0, refused: 0, defects: 0 };
  const findings: Finding[] = [];
  let next = 0;
  let done = false;
  // To start a process and load the reader is not the reader's time.
  const left = () => options.seconds - spent;
  try {
    while (!done && next < options.executions && (left() > 0 || next === 0)) {
      writeFileSync(status, new Uint8Array(new Float64Array([-1]).buffer));
      const order: Order = {
        ...{ target: name, seed: options.seed, from: next, to: options.executions, status },
        seconds: Math.max(left(), 0.1),
        known: findings.map(({ defect }) => defect.signature),
      };
      since = performance.now();
      const ended = await runChild(order, (message) => {
        if (message === 'reading') since = performance.now();
        else if ('finding' in message) findings.push(message.finding);
        else {
          counts.accepted += message.counts.accepted;
          counts.refused += message.counts.refused;
          counts.defects += message.counts.defects;
          next = message.next;
          done = message.done;
        }
      });
      spent += (performance.now() - since) / 1000;
      if (ended !== null) {
        // It died, or was ended, at an execution: the ones before it came to something.
        const at = new Float64Array(new Uint8Array(readFileSync(status)).buffer)[0];
        if (at < 0) throw new Error(`The process of ${name} died before it began: ${ended.why}`);
        counts.defects++;
        counts.accepted += Math.max(0, at - next);
        const defect = { kind: ended.kind, signature: `${ended.kind}: ${ended.why}` };
        if (!findings.some((finding) => finding.defect.signature === defect.signature))
          findings.push({
            defect,
            execution: at,
            bytes: inputOf(target, (await target.open()).seeds, options.seed, at),
          });
        next = at + 1;
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { target: name, kind: target.kind, executions: next, seconds: spent, ...counts, findings };
}

/** One process, until it is done, dies, or stands still; null where it was done. */
function runChild(
  order: Order,
  onMessage: (message: Message) => void,
): Promise<{ kind: 'crash' | 'hang'; why: string } | null> {
  const loader = new URL(
    'dist/loader.mjs',
    pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json')),
  );
  const child: ChildProcess = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), [], {
    execArgv: ['--import', loader.href, '--max-old-space-size=2048'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  let finished = false;
  let hung = false;
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4000);
  });
  child.on('message', (message: Message) => {
    onMessage(message);
    if (message !== 'reading' && 'counts' in message) finished = true;
  });
  child.send(order);
  // Standing still: the number in the file does not change.
  let last = Number.NaN;
  let since = performance.now();
  const watch = setInterval(() => {
    const now = new Float64Array(new Uint8Array(readFileSync(order.status)).buffer)[0];
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > 1000 * (now < 0 ? startSeconds : 6 * slowSeconds)) {
      hung = true;
      child.kill('SIGKILL');
    }
  }, 500);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(watch);
      if (finished) resolve(null);
      else if (hung) resolve({ kind: 'hang', why: `no end after ${6 * slowSeconds} s` });
      else resolve({ kind: 'crash', why: `${signal ?? `exit code ${code}`} ${lastWords(words)}`.trim() });
    });
  });
}

function lastWords(words: string): string {
  const line = words.split('\n').find((text) => /error|fatal|abort/i.test(text)) ?? '';
  return line.replace(/\d+/g, 'N').slice(0, 120);
}
