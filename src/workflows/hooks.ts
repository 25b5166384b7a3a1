/** @file What every workflow takes besides its own options: how to report, how to be stopped, what it may use. */
import { basename } from 'node:path';
import type { Notice, ProgressEvent, ProgressListener } from '../core/index.ts';
import type { DeviceChoice, EngineOptions } from '../runtime/index.ts';

export interface WorkflowHooks {
  /** Stops the work; what was done is saved. */
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
  /** Called at once for what is worth telling; the result lists all of it again. */
  readonly onNotice?: (notice: Notice) => void;
  /** Threads for the engine and for extraction; default all cores. */
  readonly threads?: number;
  /** Where networks run; default the CPU. */
  readonly device?: DeviceChoice;
  /** Where features are cached; default `EARSHOT_CACHE`, else `.earshot/cache`. */
  readonly cacheDir?: string;
}

/** The options of fingerprinting among the hooks. */
export function fingerprintOptions(hooks: WorkflowHooks) {
  return {
    ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    ...(hooks.onProgress === undefined ? {} : { onProgress: hooks.onProgress }),
    ...(hooks.cacheDir === undefined ? {} : { cacheDir: hooks.cacheDir }),
  };
}

/** The options of extraction among the hooks. */
export function extractionOptions(hooks: WorkflowHooks) {
  return {
    ...fingerprintOptions(hooks),
    ...(hooks.threads === undefined ? {} : { workers: hooks.threads }),
  };
}

/** The options of an engine among the hooks. */
export function engineOptions({ threads, device }: WorkflowHooks): EngineOptions {
  return { threads, device };
}

/** The hooks, with a prefix to what progress is called. */
export function withTask<T extends WorkflowHooks>(options: T, prefix: string): T {
  const { onProgress } = options;
  if (onProgress === undefined) return options;
  return { ...options, onProgress: (event) => onProgress({ ...event, task: `${prefix}: ${event.task}` }) };
}

/** Each notice once. */
export function distinct(notices: readonly Notice[]): Notice[] {
  const seen = new Map(notices.map((notice) => [`${notice.subject}\n${notice.message}`, notice]));
  return [...seen.values()];
}

/** Tells of the share of a long file that is done: each whole per cent once, beside the count of files. */
export function shareListener(
  onProgress: ProgressListener | undefined,
  event: ProgressEvent,
  file: string,
): (share: number) => void {
  let told = 0;
  return (share) => {
    const percent = Math.floor(100 * share);
    if (percent <= told || percent >= 100) return;
    told = percent;
    onProgress?.({ ...event, detail: `${percent} % of ${basename(file)}` });
  };
}
