/** A typed key of a service. `Symbol.for` makes two copies of this package agree on it. */
export type Token<T> = symbol & { readonly __service?: T };
