/**
 * The 2 x 2 system of one prototype with squared norms nt and ns: wt = tt a + ts b, ws = st a + ss b, for a = p.rt and
 * b = q.rs.
 */
export interface ClosedForm {
  readonly tt: number;
  readonly ts: number;
  readonly st: number;
  readonly ss: number;
  readonly determinant: number;
}

export function closedForm(nt: number, ns: number, lambda: number): ClosedForm {
  const determinant = nt * ns + lambda * (nt + ns);
  return {
    tt: (ns + lambda) / determinant,
    ts: lambda / determinant,
    st: lambda / determinant,
    ss: (nt + lambda) / determinant,
    determinant,
  };
}

/** The energy that a prototype removes, from sums of a^2, b^2 and a b: of one instance, or of all. */
export const removedEnergy = (nt: number, ns: number, lambda: number, aa: number, bb: number, ab: number): number =>
  ((ns + lambda) * aa + (nt + lambda) * bb + 2 * lambda * ab) / (nt * ns + lambda * (nt + ns));
