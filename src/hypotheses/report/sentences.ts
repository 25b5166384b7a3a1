/** @file Results in words. Every sentence is made of the numbers of a result, by rule. */
import { countText, percentText, plural } from '../../evaluation/index.ts';
import type { Estimate } from '../tests/results.ts';
import { alpha } from '../tests/runTest.ts';
import type { JudgedHypothesis, JudgedTest, VerdictWord } from '../verdict.ts';

/** `p = 0.020`, `p < 0.001`. */
export function pText(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${pNumber(p)}`;
}

/** `0.020`, `< 0.001`; never rounded down to the level it missed. */
export function pNumber(p: number): string {
  if (p < 0.001) return '< 0.001';
  const text = p.toFixed(3);
  return p > alpha && Number(text) <= alpha ? p.toPrecision(3) : text;
}

/** `+6.6` of a difference of 0.066. */
export function points(value: number): string {
  const text = Math.abs(100 * value).toFixed(1);
  return `${value < 0 && text !== '0.0' ? '−' : '+'}${text}`;
}

/** `+3.0 to +10.2`; `none` without bounds. */
export function pointsRange({ low, high }: Estimate): string {
  return low === null || high === null ? 'none' : `${points(low)} to ${points(high)}`;
}

/** `0.537 [0.463, 0.611]`. */
export function etaText({ value, low, high }: Estimate): string {
  const number = Math.max(0, value).toFixed(3);
  return low === null || high === null ? number : `${number} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function rangeText({ low, high }: Estimate): string {
  return low === null || high === null ? '' : `95 % interval ${(100 * low).toFixed(1)}–${percentText(high)}`;
}

const inBrackets = (...parts: readonly string[]) => `(${parts.filter((part) => part !== '').join('; ')})`;

/** One test's outcome as a sentence. */
export function testSentence({ result, corrected, direction }: JudgedTest): string {
  const p = `corrected ${pText(corrected)}`;
  switch (result.kind) {
    case 'chance':
      return (
        `From ${result.features} alone, ${percentText(result.accuracy.value)} of the recordings are classified ` +
        `correctly ${inBrackets(rangeText(result.accuracy))}, against ${percentText(result.null.mean)} with labels ` +
        `exchanged between recordings (${p}).`
      );
    case 'paired': {
      const { first, second, effect } = result;
      const numbers = inBrackets(
        effect.low === null ? '' : `95 % interval ${pointsRange(effect)}`,
        `${countText(result.onlyFirst)} recordings right only so, ${countText(result.onlySecond)} only otherwise`,
        p,
      );
      const verb =
        direction === 'for'
          ? 'beats'
          : direction === 'against'
            ? 'falls behind'
            : 'is not clearly different from';
      return (
        `${capital(first.name)} with ${percentText(first.accuracy.value)} ${verb} ${second.name} with ` +
        `${percentText(second.accuracy.value)}: ${points(effect.value)} points ${numbers}.`
      );
    }
    case 'ranks': {
      const best = result.columns[result.best];
      return (
        `In ${result.differing} of ${plural(result.columns.length, result.noun, pluralOf(result.noun))} the classes ` +
        `differ after correction (most: ${best.name}, η² = ${etaText(best.etaSquared)}; ${p}).`
      );
    }
    case 'ablation': {
      const { name, loss } = result.parts[result.worst];
      const numbers = inBrackets(loss.low === null ? '' : `95 % interval ${pointsRange(loss)}`, p);
      return direction === 'for'
        ? `Without ${name}, ${points(loss.value)} points of accuracy are lost ${numbers}.`
        : `No region costs accuracy beyond doubt when it is taken away; the surest loss, ${points(loss.value)} points, is without ${name} ${numbers}.`;
    }
  }
}

function pluralOf(noun: string): string {
  return noun.endsWith('waveform')
    ? noun.replace('number', 'numbers')
    : /(contrast|slopes)$/.test(noun)
      ? noun.replace(/’s /, 's’ ')
      : `${noun}s`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The verdict as a sentence that says which rule it follows from. */
export function verdictSentence({ tests, verdict }: JudgedHypothesis): string {
  const deciding = tests.filter(({ result }) => result.deciding);
  const count = (direction: JudgedTest['direction']) =>
    deciding.filter((test) => test.direction === direction).length;
  const n = deciding.length;
  const all = n === 1 ? 'the deciding test' : n === 2 ? 'both deciding tests' : `all ${n} deciding tests`;
  switch (verdict) {
    case 'supported':
      return `Supported: ${all} came out as claimed.`;
    case 'supported in part':
      return `Supported in part: ${count('for')} of ${n} deciding tests came out as claimed, the others left it open.`;
    case 'contradicted':
      return `Contradicted: ${count('against')} of ${n} deciding tests came out significantly against the claim, ${count('for')} as claimed.`;
    case 'undecidable':
      return `Not decidable on these data: so few recordings cannot give a p-value that stays below 5 % after correction.`;
    case 'not shown':
      return `Not shown: none of the ${n} deciding tests came out as claimed beyond doubt. That is no proof of the contrary.`;
  }
}

/** `3 are supported, 1 is supported in part, 1 is not shown`. */
export function countsSentence(judged: readonly JudgedHypothesis[]): string {
  const words: readonly VerdictWord[] = [
    'supported',
    'supported in part',
    'contradicted',
    'undecidable',
    'not shown',
  ];
  const parts = words.flatMap((word) => {
    const n = judged.filter(({ verdict }) => verdict === word).length;
    return n === 0 ? [] : [`${n} ${n === 1 ? 'is' : 'are'} ${word}`];
  });
  return `Of ${plural(judged.length, 'hypothesis', 'hypotheses')} ${parts.join(', ')}.`;
}
