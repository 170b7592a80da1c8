/** To a tenth; null where there is no figure. */
export const rounded = (value) => (value === undefined ? null : Math.round(value * 10) / 10);

/** To a thousandth; null where there is nothing to compare with. */
export const ratio = (a, b) => (b === undefined ? null : Math.round((a / b) * 1000) / 1000);

/** The least of one figure of several rounds. */
export const least = (rounds, key) => Math.min(...rounds.map((found) => found[key]));

/** The middle one, of an even number of rounds the upper of two. */
export const middle = (rounds, key) =>
  rounds.map((found) => found[key]).toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)];
