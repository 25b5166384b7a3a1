/** @file An evaluation on the terminal: scikit-learn's report, the scores with intervals, and what to beware of. */
import type { Notice } from '../core/index.ts';
import { type Evaluation, evaluationText } from '../evaluation/evaluation.ts';
import { percentText, plural, scoreText } from '../evaluation/report/scoreText.ts';
import type { EvaluateModelOutcome } from '../workflows/evaluate.ts';
import { noticeText } from './context.ts';
import type { Terminal } from './terminal.ts';

export { countText } from '../evaluation/report/scoreText.ts';

/** Prints to stdout. */
export function printEvaluation(evaluation: Evaluation, { out }: Terminal): void {
  const { intervals, split, crossValidation } = evaluation;
  if (split !== null) out.line(`Tested: ${split.description}`);
  out.line();
  out.line(evaluationText(evaluation).trimEnd());
  out.line();
  const macro = scoreText(evaluation['macro avg']['f1-score'], intervals['macro avg']['f1-score']);
  out.line(
    `Accuracy ${out.colours.bold(scoreText(evaluation.accuracy, intervals.accuracy))}, ` +
      `macro F1 ${out.colours.bold(macro)} ` +
      `(95 % intervals over ${plural(evaluation.groups, 'recording')}, ${plural(evaluation.clips, 'clip')})`,
  );
  if (crossValidation !== undefined) {
    const { accuracy, macroF1, folds } = crossValidation;
    const mean = ({ mean, deviation }: typeof accuracy) =>
      deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`;
    out.line(
      `Mean of ${folds.length} folds: accuracy ${mean(accuracy)}, macro F1 ${mean(macroF1)} (± deviation over folds)`,
    );
  }
  if (split !== null && split.leak.clips > 0) {
    out.line(
      out.colours.yellow(
        `Warning: a leak. Of the tested clips, ${split.leak.clips} (${percentText(split.leak.share)}) are cut from ` +
          `recordings that are in training too: the scores are too high.`,
      ),
    );
  }
}

/** How prediction sets did. */
export function printConformal(results: EvaluateModelOutcome['conformal'], { out }: Terminal): void {
  for (const { method, alpha, coverage, meanSize, single, calibrationItems } of results) {
    out.line(
      `Sets that may lack the true class in ${percentText(alpha)}, ${method.toUpperCase()}: ${percentText(coverage)} hold it; ${meanSize.toFixed(2)} classes on average, ${percentText(single)} with one (by ${plural(calibrationItems, 'calibration clip')})`,
    );
  }
}

/** Files that could not be used, to stdout as part of the result. */
export function printFailures(
  failures: readonly Notice[],
  { out }: Terminal,
  most = 10,
  what: 'file' | 'run' = 'file',
): void {
  if (failures.length === 0) return;
  out.line();
  out.line(`${plural(failures.length, what)} ${what === 'file' ? 'could not be used' : 'failed'}:`);
  for (const failure of failures.slice(0, most)) out.line(`  ${noticeText(failure)}`);
  if (failures.length > most) out.line(`  … and ${failures.length - most} more; the report names them all.`);
}

/** Other things worth knowing. */
export function printNotices(notices: readonly Notice[], { out }: Terminal, most = 10): void {
  if (notices.length === 0) return;
  out.line();
  out.line('Worth knowing:');
  for (const notice of notices.slice(0, most)) out.line(`  ${noticeText(notice)}`);
  if (notices.length > most) out.line(`  … and ${notices.length - most} more; the report has them all.`);
}
