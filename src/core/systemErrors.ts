/** @file What to do about the errors of the operating system that users meet. */

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: make room, or write to another place.',
  EDQUOT: 'The disk quota is used up: make room, or write to another place.',
  EACCES: 'This user may not read or write there: check the permissions, or choose another place.',
  EPERM: 'This user may not read or write there: check the permissions, or choose another place.',
  EROFS: 'The place is read-only: choose another.',
  EMFILE: 'Too many files are open: raise the limit with `ulimit -n 4096`.',
  ENAMETOOLONG: 'The name is too long for the file system: choose a shorter one.',
  EIO: 'The disk or its connection fails: check it, or use another place.',
};

/** The code of an error of the operating system, such as `ENOSPC`; null of any other. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

/** What to do about it, where there is something to say. */
export function systemHint(error: unknown): string | undefined {
  const code = systemCode(error);
  return code === null ? undefined : hints[code];
}
