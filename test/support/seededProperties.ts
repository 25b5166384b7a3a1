/** @file Properties are tried on the same cases every time; FAST_CHECK_SEED tries others, and says so by its name. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED'] ?? 20261130) });
