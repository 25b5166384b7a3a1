/** @file Versions of what a run's numbers depend on. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function packageVersion(specifier: string): string {
  return (require(specifier) as { version: string }).version;
}

/** Earshot's own version. */
export function earshotVersion(): string {
  return packageVersion('../../package.json');
}

export function versions(): Record<string, string> {
  return {
    earshot: earshotVersion(),
    node: process.versions.node,
    'onnxruntime-node': packageVersion('onnxruntime-node/package.json'),
    platform: `${process.platform}-${process.arch}`,
  };
}
