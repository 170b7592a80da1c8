import { signed } from './plugins/copies.js';
import type { BackboneDefinition } from './contract/backbone.js';
import type { DetectorDefinition } from './contract/detector.js';
import type { PluginDefinition } from './contract/plugin.js';
import type { TeacherDefinition } from './contract/teacher.js';

/** A plugin with its options, as it stands in a config: what `ssim({ … })` returns. */
export interface Use<Definition> {
  readonly definition: Definition;
  readonly options: unknown;
  /** Another id, when the same plugin is used twice. */
  readonly as?: string;
}

/** A definition that is also a function: `ssim({ weight: 4 })` puts it into a config. */
export type Usable<Definition, Input> = ((options?: Input) => Use<Definition>) & { readonly definition: Definition };

/**
 * Defines a distiller. The result is the package's default export and the function that people call in their config.
 * @typeParam Input what a person may write as options; `Options` is what the schema makes of it
 */
export function definePlugin<Options, Input = unknown>(
  definition: Omit<PluginDefinition<Options>, 'kind'>,
): Usable<PluginDefinition<Options>, Input> {
  return usable(Object.freeze(signed({ ...definition, kind: 'distiller' as const })));
}

/** Defines a detector; see {@link definePlugin}. */
export function defineDetector<Options, Input = unknown>(
  definition: Omit<DetectorDefinition<Options>, 'kind'>,
): Usable<DetectorDefinition<Options>, Input> {
  return usable(Object.freeze(signed({ ...definition, kind: 'detector' as const })));
}

/** Defines a backbone, for the option `backbone` of a detector; see {@link definePlugin}. */
export function defineBackbone<Options, Input = unknown>(
  definition: Omit<BackboneDefinition<Options>, 'kind'>,
): Usable<BackboneDefinition<Options>, Input> {
  return usable(Object.freeze(signed({ ...definition, kind: 'backbone' as const })));
}

/** Defines a teacher that is no detector; see {@link definePlugin}. */
export function defineTeacher<Options, Input = unknown>(
  definition: Omit<TeacherDefinition<Options>, 'kind'>,
): Usable<TeacherDefinition<Options>, Input> {
  return usable(Object.freeze(signed({ ...definition, kind: 'teacher' as const })));
}

function usable<Definition, Input>(definition: Definition): Usable<Definition, Input> {
  const use = (options?: Input): Use<Definition> => ({ definition, options: options ?? {} });
  return Object.assign(use, { definition });
}
