/** @file What the command's exit code says. */
export const exitCodes = {
  success: 0,
  failure: 1,
  usage: 2,
  /** Stopped by Ctrl-C or SIGTERM: 128 + SIGINT, as shells count. */
  cancelled: 130,
} as const;
