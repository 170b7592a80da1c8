/** What a person calls a distiller or a teacher of a run. */
export const ID = /^[A-Za-z][\w-]*$/;
