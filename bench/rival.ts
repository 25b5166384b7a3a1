/** @file A program that answers lines on its standard input; rivals in Python are set up as fairly as we know how. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/** The fastest kernels of Debian's OpenBLAS that the processor can run; without AVX-512 SkylakeX ends in SIGILL. */
function blasKernels(): string {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? [];
  const needed = ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'avx512cd'];
  return needed.every((flag) => flags.includes(flag)) ? 'SkylakeX' : 'Haswell';
}

/** What Debian's PyTorch needs to be fast: its OpenBLAS does not know newer processors, and malloc gives memory back. */
export const fairEnvironment = {
  OPENBLAS_CORETYPE: process.env['OPENBLAS_CORETYPE'] ?? blasKernels(),
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '20000000000',
};

export class Rival {
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  private constructor(
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.process = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.answers = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** @param script file in bench/rivals */
  static python(script: string, args: readonly string[]): Rival {
    const path = new URL(`./rivals/${script}`, import.meta.url).pathname;
    return new Rival(process.env['PYTHON'] ?? '/usr/bin/python3', [path, ...args], fairEnvironment);
  }

  /**
   * Compiled first, as users have it: a compiler inside the process would count as its memory.
   * @param script TypeScript file in bench/
   */
  static own(script: string, args: readonly string[]): Rival {
    compiled ??= compile();
    return new Rival(process.execPath, [`${compiled}/bench/${script.replace(/ts$/, 'js')}`, ...args], {});
  }

  /** The next line it prints. */
  async answer(): Promise<string> {
    const { value, done } = await this.answers.next();
    if (done) throw new Error('The program ended: is its Python package installed?');
    return value as string;
  }

  async ask(request: string): Promise<number> {
    this.process.stdin!.write(`${request}\n`);
    return Number(await this.answer());
  }

  end(): void {
    this.process.stdin!.end();
  }
}

let compiled: string | undefined;

/** Compiles src/ and bench/. @returns the folder of the result */
function compile(): string {
  const root = new URL('..', import.meta.url).pathname;
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The benchmark does not compile.');
  return `${root}.earshot/bench`;
}

export interface Comparison {
  /** Items a second of each side, one number per round. */
  readonly own: readonly number[];
  readonly other: readonly number[];
  /** Of the speeds, round by round. */
  readonly ratios: readonly number[];
}

/**
 * Two programs in alternating rounds: both answer `REQUEST N` with the seconds of N times the work.
 * @param items that one time does
 * @param seconds that a round lasts, about
 */
export async function compare(
  ours: Rival,
  theirs: Rival,
  request: string,
  { items, rounds, seconds }: { readonly items: number; readonly rounds: number; readonly seconds: number },
): Promise<Comparison> {
  const times = new Map<Rival, number>();
  for (const side of [ours, theirs]) {
    await side.ask(`${request} 2`);
    const one = (await side.ask(`${request} 2`)) / 2;
    times.set(side, Math.max(1, Math.round(seconds / one)));
  }
  const speed = async (side: Rival) =>
    (items * times.get(side)!) / (await side.ask(`${request} ${times.get(side)}`));
  const own: number[] = [];
  const other: number[] = [];
  for (let r = 0; r < rounds; r++) {
    // Who goes first changes every round.
    if (r % 2 === 0) own.push(await speed(ours));
    other.push(await speed(theirs));
    if (r % 2 === 1) own.push(await speed(ours));
  }
  return { own, other, ratios: own.map((v, i) => v / other[i]) };
}

/** The medians of a comparison as text. */
export function comparisonText({ own, other, ratios }: Comparison): string {
  return (
    `Earshot ${median(own).toFixed(2)}, PyTorch ${median(other).toFixed(2)} items/s; ` +
    `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ${ratios.length} rounds)`
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
