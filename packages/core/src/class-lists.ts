/** A list of class names in the order of the labels, and whose it is, e.g. `the teacher`. */
export interface ClassList {
  readonly of: string;
  readonly names: readonly string[];
}

/** How two lists of classes differ, in words for a message, and nothing of what they share; null where they do not. */
export function classDifference(one: ClassList, other: ClassList): string | null {
  if (one.names.length === other.names.length && one.names.every((name, i) => name === other.names[i])) return null;
  const only = ({ names }: ClassList, than: ClassList): readonly string[] =>
    names.filter((name) => !than.names.includes(name));
  const [left, right] = [only(one, other), only(other, one)];
  if (left.length === 0 && right.length === 0) return 'the same classes in another order';
  const cases = left.flatMap((name) => {
    const twin = right.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    return twin === undefined ? [] : [[name, twin] as const];
  });
  const rest = (names: readonly string[], of: string): string[] => {
    const alone = names.filter((name) => !cases.some((pair) => pair.includes(name)));
    return alone.length === 0 ? [] : [`only ${of} has ${alone.join(', ')}`];
  };
  return [
    ...cases.map(([a, b]) => `${one.of} writes ${a}, ${other.of} ${b}`),
    ...rest(left, one.of),
    ...rest(right, other.of),
  ].join('; ');
}

/** What to write so that two data sets have one list; names of the first's order. */
export function sharedClassesAdvice(one: ClassList, other: ClassList): string {
  const spelled = one.names.find(
    (name) => !other.names.includes(name) && other.names.some((twin) => twin.toLowerCase() === name.toLowerCase()),
  );
  if (spelled !== undefined)
    return `Names are compared letter by letter: write "${spelled}" in the same way in the annotations of both.`;
  const shared = one.names.filter((name) => other.names.includes(name));
  return shared.length === 0
    ? 'They have no class in common: are these the right files?'
    : `Write the classes that both are to have as \`classes\` of both, such as "classes": ${JSON.stringify(shared)}; COCO and YOLO leave the others out, the other formats want every class that is in their files.`;
}
