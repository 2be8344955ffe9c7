/**
 * A message of PMI, whichever version of the wire it came over. Pure.
 */

/** A message by its command and its other keys. */
export interface Message {
  readonly command: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** What a message can say: in requests and replies alike the order given is the order sent. */
export type Fields = Readonly<Record<string, string | number>>;

/** Longest value in bytes that survives every server, whatever else its request holds. */
export const MAX_VALUE = 900;
/** Longest key in bytes: what every server's keylen_max of 64 leaves. */
export const MAX_KEY = 63;

/** A message for the user to see, without the value in it, which may be the secret of the job. */
export function shown(text: string): string {
  return quote(text.replace(/([ ;]value)=.*/s, '$1=...'));
}

/** A peer's text, short enough and safe to show in one clause. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
