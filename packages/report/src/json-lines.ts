import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Listener, type TrainerEvent, writeFileAtomic } from '@kd/core';

/**
 * Writes `metrics.jsonl` in the run folder: a line for every log step and every evaluation. A resumed run first drops
 * the lines after its checkpoint, so that the file reads as if the run had never stopped.
 */
export function jsonLines(): Listener {
  let file = '';
  return {
    name: 'json-lines',
    on: async (event) => {
      if (event.type === 'start') {
        file = join(event.run.folder, 'metrics.jsonl');
        await dropAfter(file, event.run.startStep, event.run.evaluatesAgain);
        return;
      }
      const line = lineOf(event);
      if (line !== null) await appendFile(file, `${JSON.stringify(line)}\n`);
    },
  };
}

function lineOf(event: TrainerEvent): Record<string, unknown> | null {
  if (event.type === 'log') return { ...event };
  if (event.type !== 'evaluation') return null;
  const { result, detections: _, ...rest } = event;
  return {
    ...rest,
    images: result.images,
    skipped: result.skipped.length,
    metrics: result.metrics,
    perClass: Object.fromEntries(result.perClass.map(({ category, metrics }) => [category.name, metrics])),
  };
}

/** Keeps the lines up to a step; a line that a crash cut off goes too, and an evaluation that comes again. */
async function dropAfter(file: string, step: number, evaluatesAgain: boolean): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const kept = text.split('\n').filter((line) => {
    const at = parse(line);
    return Number(at.step) <= step && !(evaluatesAgain && at.type === 'evaluation' && at.step === step);
  });
  const content = kept.map((line) => `${line}\n`).join('');
  if (content !== text) await writeFileAtomic(file, content);
}

function parse(line: string): { readonly type?: unknown; readonly step?: unknown } {
  try {
    return (JSON.parse(line) as { readonly type?: unknown; readonly step?: unknown } | null) ?? {};
  } catch {
    return {};
  }
}
