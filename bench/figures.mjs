/** To a tenth; null where there is no figure. */
export const rounded = (value) => (value === undefined ? null : Math.round(value * 10) / 10);

/** To a thousandth; null where there is nothing to compare with. */
export const ratio = (a, b) => (b === undefined ? null : Math.round((a / b) * 1000) / 1000);
