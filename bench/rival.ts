/** @file A rival program in Python that answers lines on its standard input, set up as fairly as we know how. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What Debian's PyTorch needs to be fast: its OpenBLAS does not know newer processors, and malloc gives memory back. */
export const fairEnvironment = {
  OPENBLAS_CORETYPE: 'SkylakeX',
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '20000000000',
};

export class Rival {
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  /** @param script file in bench/rivals */
  constructor(script: string, args: readonly string[]) {
    const path = new URL(`./rivals/${script}`, import.meta.url).pathname;
    this.process = spawn(process.env['PYTHON'] ?? '/usr/bin/python3', [path, ...args], {
      env: { ...process.env, ...fairEnvironment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.answers = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line it prints. */
  async answer(): Promise<string> {
    const { value, done } = await this.answers.next();
    if (done) throw new Error('The rival ended: is its Python package installed?');
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

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
