import { OWN } from '#host/own-copy';
import type { Logger } from '../logger.js';
import type { CoreCopy } from './core-copy.js';

/** Shared by all copies, as the tokens of services are. */
const MADE_BY = Symbol.for('@kd/core:made-by');

/** Remembers which copy of core made a definition; not listed among its keys. */
export function signed<Definition extends object>(definition: Definition): Definition {
  return Object.defineProperty(definition, MADE_BY, { value: OWN });
}

/** The copy that made a definition if it is another one than this, or null. */
function otherMaker(definition: object): CoreCopy | null {
  const maker = (definition as { readonly [MADE_BY]?: CoreCopy })[MADE_BY];
  return maker === undefined || maker.folder === OWN.folder ? null : maker;
}

/**
 * Warns of definitions that another copy of this package made. The contract is held to by `apiVersion`, so that they
 * train; but the other copy brings
 * its own TensorFlow.js most of the time, whose kernels and gradients replace those that are there, and helpers that
 * may be older.
 */
export function warnOfOtherCopies(
  definitions: readonly { readonly kind: string; readonly name: string }[],
  logger: Logger,
): void {
  const makers = new Map<string, { readonly maker: CoreCopy; readonly names: Set<string> }>();
  for (const definition of definitions) {
    const maker = otherMaker(definition);
    if (maker === null) continue;
    if (!makers.has(maker.folder)) makers.set(maker.folder, { maker, names: new Set() });
    makers.get(maker.folder)!.names.add(`${definition.kind} "${definition.name}"`);
  }
  for (const { maker, names } of makers.values()) {
    logger.warn(
      `there are two copies of @kd/core: ${[...names].join(', ')} ${names.size === 1 ? 'is' : 'are'} made by ${maker.version} in ${maker.folder}, the trainer is ${OWN.version} in ${OWN.folder}. ` +
        'Bring them to one: pnpm why @kd/core tells who asks for which, pnpm dedupe (npm dedupe) joins what may be one; a plugin has @kd/core among its peerDependencies, not its dependencies.',
    );
  }
}
