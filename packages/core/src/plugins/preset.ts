import type { Config } from '../config.js';

/** One entry of `distillers` in a config. */
export type DistillerEntry = NonNullable<Config['distillers']>[number];

/**
 * Distillers that go well together, under one name: the list, or what gives it for a student, by the name of its
 * detector.
 */
export type Preset = readonly DistillerEntry[] | ((student: string) => readonly DistillerEntry[]);
