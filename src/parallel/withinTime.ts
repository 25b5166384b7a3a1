/** @file A time limit on code of this thread that waits for nothing, such as regular expressions from a file. */
import { type Context, createContext, Script } from 'node:vm';

const script = new Script('work()', { filename: 'earshot-within-time.js' });
const sandbox: { work: () => unknown } = { work: () => undefined };
let context: Context | undefined;

/**
 * What `work` returns, or `late` thrown when it is not done in time: it is interrupted, wherever it is, so what it
 * changes must not be used any more.
 * @param work must be synchronous
 * @param milliseconds integer > 0
 */
export function withinTime<T>(work: () => T, milliseconds: number, late: (cause: unknown) => Error): T {
  context ??= createContext(sandbox);
  sandbox.work = work;
  try {
    return script.runInContext(context, { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw late(error);
    throw error;
  } finally {
    sandbox.work = () => undefined;
  }
}
