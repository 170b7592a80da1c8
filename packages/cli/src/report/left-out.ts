import type { ReportParts, RunRecord } from '@kd/report/page';
import { NO_IMAGES } from './report-parts.js';

/** What a page about runs cannot show, and why, once each; what --no-images leaves out was asked for. */
export function leftOutOf(
  runs: readonly Pick<RunRecord, 'name' | 'damaged' | 'plan'>[],
  { findings, sideBySide, featureMaps }: Pick<ReportParts, 'findings' | 'sideBySide' | 'featureMaps'>,
): readonly string[] {
  const ofRuns = runs.flatMap(({ name, damaged, plan }, i) => {
    const lines =
      damaged > 0 ? [`${damaged} ${damaged === 1 ? 'line' : 'lines'} of its metrics.jsonl cannot be read.`] : [];
    return [...lines, plan.why ?? [], findings[i]?.why ?? []].flat().map((why) => `${name}: ${why}`);
  });
  const pictures = [sideBySide, ...featureMaps]
    .flatMap(({ why }) => why ?? [])
    .filter((why) => why !== NO_IMAGES && !ofRuns.some((said) => said.endsWith(why)));
  return [...ofRuns, ...new Set(pictures)];
}
