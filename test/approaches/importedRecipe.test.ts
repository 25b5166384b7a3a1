import { describe, expect, it } from 'vitest';
import { importedApproach, resolveConfig } from '../../src/approaches/index.ts';
import { UsageError } from '../../src/core/index.ts';

const optimizer = (overrides: Parameters<typeof resolveConfig>[3]) =>
  resolveConfig(importedApproach, 1, 0, overrides).training.optimizer;

describe('the recipe of an ONNX model', () => {
  it('slows the first layers down where they know sounds already, and not where they know photographs', () => {
    expect(optimizer({ frontEnd: 'yamnet' }).depthDecay).toBe(0.003);
    expect(optimizer({}).depthDecay).toBeUndefined();
    expect(optimizer({ layerDecay: 0.1 }).depthDecay).toBe(0.1);
    expect(optimizer({ frontEnd: 'yamnet', layerDecay: 1 }).depthDecay).toBeUndefined();
  });

  it('keeps batch statistics, unless they are asked to move or there are no weights they belong to', () => {
    const frozen = (overrides: Parameters<typeof resolveConfig>[3]) =>
      resolveConfig(importedApproach, 1, 0, overrides).training.frozenStatistics;
    expect(frozen({})).toBe(true);
    expect(frozen({ frozenStatistics: false })).toBe(false);
    expect(frozen({ fromScratch: true })).toBe(false);
  });

  it('is another from scratch: more epochs, all layers alike', () => {
    const { training } = resolveConfig(importedApproach, 1, 0, { fromScratch: true });
    expect(training.epochs).toBeGreaterThan(importedApproach.epochs);
    expect(training.optimizer).toMatchObject({ learningRate: 1e-3 });
    expect(training.optimizer.headRate).toBeUndefined();
    expect(() => resolveConfig({ ...importedApproach, network: 'cnn' }, 1, 0, { fromScratch: true })).toThrow(
      UsageError,
    );
  });
});
