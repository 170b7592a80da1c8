import * as tf from '@tensorflow/tfjs-core';
import type { Detector } from '../contract/detector.js';
import {
  API_VERSION,
  type Hooks,
  type PluginDefinition,
  type PluginScope,
  type Progress,
  type VariableMaker,
} from '../contract/plugin.js';
import { LOGGER, PLUGIN_OPTIONS, PLUGIN_SCOPE, RNG, STUDENT, TEACHER, type Services } from '../container.js';
import type { Use } from '../define.js';
import { withDerived } from '../derived-options.js';
import { KdError, suggestion } from '../errors.js';
import { ID } from '../id.js';
import { checkMembers, MEMBERS } from '../members.js';
import { type ClassMap, matchClasses } from './class-match.js';
import { checkRequired, withSizes } from './check-teacher.js';
import { guarded } from './guarded.js';
import { type OptimizerGroup, optimizerGroup } from './optimizer-group.js';
import { parseOptions } from '../options.js';
import { TapRegistry } from './taps.js';
import { type NamedTeacher, teacherNamed } from './teacher-option.js';

/** A variable that a plugin owns: an adapter's kernel, say. */
export interface PluginVariable {
  /** `<plugin id>/<name>` */
  readonly path: string;
  readonly variable: tf.Variable;
  readonly trainable: boolean;
  /** Learning rate and decay of its own, as a factor and a value. */
  readonly lr: number | undefined;
  readonly weightDecay: number | undefined;
  /** Of those that `scope.variables` made. */
  readonly group: OptimizerGroup | undefined;
}

/** A plugin at work: its hooks, guarded so that every error names plugin and hook. */
export interface Distiller {
  readonly id: string;
  readonly name: string;
  readonly options: unknown;
  /** The teacher that it learns from, where a run has several. */
  readonly teacher?: string;
  readonly hooks: Hooks;
  readonly variables: readonly PluginVariable[];
  /** Runs a hook; what it throws, and a promise where none may be, becomes a KdError. */
  call<T>(hook: keyof Hooks, run: () => T): T;
  /** The factor of this plugin's terms at a step. */
  factor(progress: Progress): number;
  dispose(): void;
}

/** One of several teachers, as plugins are made for it. */
export interface HostTeacher {
  readonly detector: Detector;
  readonly taps: TapRegistry;
  /** What its classes stand for in the student's data, beside those of one name. */
  readonly classes?: ClassMap;
}

/**
 * Creates the plugins of a run in the order of the config and lets each declare its taps.
 * @param taps of the teacher among the services, or several teachers by name, of which each plugin learns from one
 */
export function createDistillers(
  uses: readonly Use<PluginDefinition>[],
  services: Services,
  taps: TapRegistry | ReadonlyMap<string, HostTeacher>,
): Distiller[] {
  const ids = new Set<string>();
  const distillers: Distiller[] = [];
  try {
    for (const use of uses) {
      checkMembers(use.definition, MEMBERS.distiller, 'the definition of a distiller');
      const id = use.as ?? use.definition.name;
      if (!ID.test(id))
        throw new KdError(
          'CONFIG_INVALID',
          `distillers: "${id}" cannot be an id; an id starts with a letter and has letters, digits, - and _. Give one with as.`,
        );
      if (ids.has(id)) {
        throw new KdError(
          'CONFIG_INVALID',
          `distillers: "${id}" is there twice; give one of them another id with as: ["${use.definition.name}", { … }, { as: "${id}-2" }].`,
        );
      }
      ids.add(id);
      distillers.push(
        taps instanceof TapRegistry
          ? createDistiller(id, use, services, taps)
          : createTaughtBy(teacherNamed(id, use, [...taps.keys()]), id, use, services, taps),
      );
    }
  } catch (error) {
    for (const distiller of distillers) {
      try {
        distiller.dispose();
      } catch {
        // what went wrong first is what matters
      }
    }
    throw error;
  }
  return distillers;
}

/** With the services of a run in which its teacher is the only one. */
function createTaughtBy(
  { name, options }: NamedTeacher,
  id: string,
  use: Use<PluginDefinition>,
  services: Services,
  teachers: ReadonlyMap<string, HostTeacher>,
): Distiller {
  const { detector, taps, classes } = teachers.get(name)!;
  const own = services.fork();
  own.register(TEACHER, detector);
  const distiller = createDistiller(id, { ...use, options }, own, taps, classes);
  const told = options === use.options ? distiller.options : { ...(distiller.options as object), teacher: name };
  return { ...distiller, options: told, teacher: name };
}

function createDistiller(
  id: string,
  { definition, options: given }: Use<PluginDefinition>,
  services: Services,
  taps: TapRegistry,
  map?: ClassMap,
): Distiller {
  checkDefinition(definition, services);
  const options = parseOptions(definition.options, given, `distiller "${id}"`);
  const variables: PluginVariable[] = [];
  let declared = false;
  const scopeServices = services.fork();
  const rng = services.resolve(RNG).stream('plugin', id);
  const maker = (group?: OptimizerGroup): VariableMaker => ({
    rng,
    variable: (name, initial, { trainable = true, lr, weightDecay } = {}) => {
      const path = `${id}/${name}`;
      if (declared)
        throw new KdError(
          'PLUGIN_HOOK',
          `${id}: variable "${name}" was asked for after featureTap; make variables in create or featureTap, so that the optimiser and a resume know them.`,
        );
      if (variables.some((variable) => variable.path === path))
        throw new KdError('PLUGIN_HOOK', `${id}: two variables are named "${name}".`);
      const variable = tf.variable(initial, trainable);
      initial.dispose();
      variables.push({ path, variable, trainable, lr, weightDecay, group });
      return variable;
    },
  });
  const models = { student: services.resolve(STUDENT), teacher: services.resolve(TEACHER) };
  const scope: PluginScope = {
    ...maker(),
    variables: (own) => maker(optimizerGroup(own)),
    id,
    ...models,
    classes: matchClasses(models, map),
    logger: services.resolve(LOGGER),
    resolve: (token) => scopeServices.resolve(token),
  };
  scopeServices.register(PLUGIN_OPTIONS, options);
  scopeServices.register(PLUGIN_SCOPE, scope);
  const call = <T>(hook: string, run: () => T): T => guarded(id, hook, run);
  let hooks: Hooks = {};
  const dispose = (): void => {
    try {
      call('dispose', () => hooks.dispose?.());
    } finally {
      for (const { variable } of variables) variable.dispose();
    }
  };
  try {
    hooks = checkHooks(
      id,
      call('create', () => definition.create(scope, options)),
    );
    call('featureTap', () => hooks.featureTap?.(taps.for(id)));
  } catch (error) {
    try {
      dispose();
    } catch {
      // what went wrong first is what matters
    }
    throw withSizes(error, models);
  }
  declared = true;
  const settled = withDerived(definition.options, options, hooks.settled);
  const silent = hasNoWeight(settled, hooks);
  return {
    id,
    name: definition.name,
    options: settled,
    hooks,
    variables,
    call: (hook, run) => call(hook, run),
    factor: (progress) => {
      if (silent) return 0;
      const factor = call('schedule', () => hooks.schedule?.(progress) ?? 1);
      if (!Number.isFinite(factor))
        throw new KdError(
          'PLUGIN_HOOK',
          `${id}.schedule returned ${String(factor)} at step ${progress.step}; it must return a finite number.`,
        );
      return factor;
    },
    dispose,
  };
}

const HOOKS: Readonly<Record<keyof Hooks, 'function' | 'object'>> = {
  featureTap: 'function',
  datasetPass: 'object',
  headForward: 'function',
  lossCompose: 'function',
  stats: 'function',
  schedule: 'function',
  state: 'function',
  restore: 'function',
  dispose: 'function',
  settled: 'object',
};

/** `weight: 0`, or every one of `weights` 0 where the plugin is not there for what it hands to others. */
function hasNoWeight(options: unknown, { headForward }: Hooks): boolean {
  const { weight, weights } = (options ?? {}) as { readonly weight?: unknown; readonly weights?: unknown };
  if (weight === 0) return true;
  if (headForward !== undefined || typeof weights !== 'object' || weights === null) return false;
  const all = Object.values(weights);
  return all.length > 0 && all.every((one) => one === 0);
}

/** A misspelt hook would never be called, without a word. */
function checkHooks(id: string, hooks: unknown): Hooks {
  if (typeof hooks !== 'object' || hooks === null)
    throw new KdError(
      'PLUGIN_HOOK',
      `${id}.create returned ${hooks === null ? 'null' : typeof hooks}; it must return an object of hooks.`,
    );
  for (const [name, hook] of Object.entries(hooks)) {
    const wanted = Object.hasOwn(HOOKS, name) ? HOOKS[name as keyof Hooks] : undefined;
    if (wanted === undefined) {
      const meant = suggestion(name, Object.keys(HOOKS));
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}.create returned the hook "${name}", which does not exist; ${meant === '' ? `there are ${Object.keys(HOOKS).join(', ')}` : meant}`,
      );
    }
    if (hook !== undefined && typeof hook !== wanted)
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}.${name} must be ${wanted === 'function' ? 'a function' : 'an object'}; got ${typeof hook}.`,
      );
  }
  const { datasetPass: pass } = hooks as Hooks;
  if (pass !== undefined) {
    checkMembers(pass, MEMBERS.pass, `${id}.datasetPass`, 'PLUGIN_HOOK');
    checkMembers(
      pass,
      { every: typeof pass.every === 'object' ? 'object' : 'number' },
      `${id}.datasetPass`,
      'PLUGIN_HOOK',
    );
  }
  return hooks;
}

function checkDefinition(definition: PluginDefinition, services: Services): void {
  const { name, apiVersion } = definition;
  if (apiVersion !== API_VERSION) {
    throw new KdError(
      'PLUGIN_INVALID',
      `plugin "${name}" is built for version ${apiVersion} of the hook contract, this core speaks ${API_VERSION}. Install a version of the plugin for it.`,
    );
  }
  checkRequired(definition, { student: services.resolve(STUDENT), teacher: services.resolve(TEACHER) });
}
