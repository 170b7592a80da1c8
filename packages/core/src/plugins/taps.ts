import type { Detector, TapInfo } from '../contract/detector.js';
import type { Role, TapPair, TapRequests } from '../contract/plugin.js';
import { KdError, suggestion } from '../errors.js';
import { meetByStride } from './meet-by-stride.js';
import { type StandIn, standInOf } from './stand-in.js';

/** Taps that a detector offers and that match a name or a pattern with `*` (any run of characters). */
export function matchTaps(taps: readonly TapInfo[], pattern: string | readonly string[]): TapInfo[] {
  const tests = [pattern].flat().map((one) => new RegExp(`^${one.split('*').map(escape).join('.*')}$`));
  return taps.filter((tap) => tests.some((test) => test.test(tap.name)));
}

const escape = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** What one plugin asked for. */
export interface TakenTaps {
  readonly student: readonly TapInfo[];
  readonly teacher: readonly TapInfo[];
  readonly pairs: readonly TapPair[];
}

/** Collects what the plugins ask for, so that the forward passes compute just that. */
export class TapRegistry {
  readonly #requested: Readonly<Record<Role, Set<string>>> = { teacher: new Set(), student: new Set() };
  readonly #taken = new Map<string, Record<Role, Set<TapInfo>> & { readonly pairs: TapPair[] }>();
  readonly #models: Readonly<Record<Role, Detector>>;

  constructor(models: Readonly<Record<Role, Detector>>) {
    this.#models = models;
  }

  requested(role: Role): readonly string[] {
    return [...this.#requested[role]];
  }

  takenBy(plugin: string): TakenTaps {
    const { student = [], teacher = [], pairs = [] } = this.#taken.get(plugin) ?? {};
    return { student: [...student], teacher: [...teacher], pairs: [...pairs] };
  }

  /** The view of one plugin. */
  for(plugin: string): TapRequests {
    const taken = { student: new Set<TapInfo>(), teacher: new Set<TapInfo>(), pairs: [] as TapPair[] };
    this.#taken.set(plugin, taken);
    const take = (role: Role, tap: TapInfo): void => {
      this.#requested[role].add(tap.name);
      taken[role].add(tap);
    };
    const of = (role: Role, pattern: string | readonly string[]): readonly TapInfo[] => {
      const found = this.#matching(plugin, role, pattern);
      for (const tap of found) take(role, tap);
      return found;
    };
    return {
      of,
      pair: (pattern, options = {}) => {
        const standIn = standInOf(this.#models.teacher);
        const pairs =
          standIn === undefined
            ? pairByStride(plugin, of('student', pattern), of('teacher', pattern), options)
            : this.#meet(plugin, standIn, pattern, options).map((pair) => {
                for (const role of ['student', 'teacher'] as const) take(role, pair[role]);
                return pair;
              });
        taken.pairs.push(...pairs);
        return pairs;
      },
    };
  }

  /** @throws KdError TAP_UNKNOWN for a pattern that no tap matches */
  #matching(plugin: string, role: Role, pattern: string | readonly string[]): TapInfo[] {
    const model = this.#models[role];
    for (const one of [pattern].flat())
      if (matchTaps(model.taps, one).length === 0) throw unknownTap(plugin, role, model, one);
    return matchTaps(model.taps, pattern);
  }

  /** Pairs with the maps of a teacher that is not built like the student: all of them, where none has such a name. */
  #meet(
    plugin: string,
    standIn: StandIn,
    pattern: string | readonly string[],
    options: { readonly channels?: 'equal' | 'any'; readonly hint?: string },
  ): readonly TapPair[] {
    const { teacher } = this.#models;
    const levels = this.#matching(plugin, 'student', pattern);
    const alike = matchTaps(teacher.taps, pattern);
    const maps = alike.length > 0 ? alike : teacher.taps;
    const met = meetByStride(levels, maps);
    const chosen = new Set(met.map((one) => one.teacher.stride));
    const choice = maps.filter(({ stride }) => chosen.has(stride));
    const own = new Map(met.map((one) => [one.student, one.teacher]));
    return pairByStride(
      plugin,
      met.map((one) => one.student),
      // Two maps of one stride are told apart by nobody.
      new Set(choice.map(({ stride }) => stride)).size < choice.length
        ? choice
        : met.map((one) => standIn.at(one.teacher, one.student.stride)),
      options,
    ).map((pair) => {
      const map = own.get(pair.student)!;
      return map.stride === pair.stride ? pair : { ...pair, resampled: map };
    });
  }
}

function pairByStride(
  plugin: string,
  student: readonly TapInfo[],
  teacher: readonly TapInfo[],
  { channels = 'equal', hint }: { readonly channels?: 'equal' | 'any'; readonly hint?: string },
): readonly TapPair[] {
  const refuse = (why: string, way: string): never => {
    throw new KdError(
      'TAP_MISMATCH',
      `${plugin}.featureTap: ${why}. Student: ${list(student)}. Teacher: ${list(teacher)}. ${way}`,
    );
  };
  for (const [role, taps] of [
    ['student', student],
    ['teacher', teacher],
  ] as const) {
    const strides = taps.map((tap) => tap.stride);
    if (new Set(strides).size !== strides.length) {
      refuse(
        `several taps of the ${role} have the same stride, so that they cannot be paired by it`,
        'Name one tap a level.',
      );
    }
  }
  const byStride = new Map(teacher.map((tap) => [tap.stride, tap]));
  const alone = student.filter((tap) => !byStride.has(tap.stride));
  const over = teacher.filter((tap) => !student.some((other) => other.stride === tap.stride));
  if (alone.length > 0 || over.length > 0) {
    refuse(
      `strides without a partner: ${list([...alone, ...over])}`,
      'Choose a pattern that matches the same strides in both, e.g. ["neck@p3", "neck@p4"].',
    );
  }
  const pairs = [...student]
    .sort((a, b) => a.stride - b.stride)
    .map((tap, index) => ({ student: tap, teacher: byStride.get(tap.stride)!, stride: tap.stride, index }));
  const unequal = channels === 'equal' ? pairs.filter((pair) => pair.student.channels !== pair.teacher.channels) : [];
  if (unequal.length > 0) {
    const which = unequal.map(
      (pair) =>
        `${pair.student.name} has ${pair.student.channels} channels, the teacher's ${pair.teacher.name} has ${pair.teacher.channels}`,
    );
    refuse(`channels differ: ${which.join('; ')}`, hint ?? 'Use an adapter, or a student of the same width.');
  }
  return pairs;
}

const list = (taps: readonly TapInfo[]): string =>
  taps.map((tap) => `${tap.name} (stride ${tap.stride}, ${tap.channels} channels)`).join(', ');

function unknownTap(plugin: string, role: Role, detector: Detector, pattern: string): KdError {
  const names = detector.taps.map((tap) => tap.name);
  const meant = suggestion(pattern, names);
  return new KdError(
    'TAP_UNKNOWN',
    `${plugin}.featureTap: the ${role} (${detector.name}) has no tap that matches ${JSON.stringify(pattern)}${meant === '' ? '.' : `; ${meant}`} It has: ${list(detector.taps)}.`,
  );
}
