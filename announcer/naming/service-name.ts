import { isLdhLabel, LABEL_OCTETS_MAX } from '../../shared/name.ts';

/** The label that each task of a swarm has. */
export const SWARM_SERVICE = 'com.docker.swarm.service.name';

export type LabelMade =
  | { readonly ok: true; readonly label: string }
  /** Completes a sentence that has named the value: `has 70 octets; at most 63`. */
  | { readonly ok: false; readonly reason: string };

/**
 * Makes `text` one LDH label: lower case, every other character a hyphen. What would then begin or end with a hyphen, be
 * empty or be too long is refused, never cut: two names that differ must not become one in silence.
 */
export function ldhLabel(text: string): LabelMade {
  // Whole characters, so that an emoji is one hyphen and not two.
  const label = text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]/gu, '-');
  if (isLdhLabel(label)) return { ok: true, label };
  if (label === '') return { ok: false, reason: 'is empty' };
  if (label.length > LABEL_OCTETS_MAX) {
    return {
      ok: false,
      reason: `has ${label.length} characters; a label has at most ${LABEL_OCTETS_MAX} (RFC 1035 §2.3.4)`,
    };
  }
  return {
    ok: false,
    reason: 'begins or ends with a hyphen once other characters than letters and digits are hyphens',
  };
}

/**
 * The last part of an image's name, without registry, path, tag and digest: `registry:5000/team/Web:1.2@sha256:…` is `Web`.
 * Undefined for an image that is named by its id alone, whose digits would be no name to ask for.
 */
export function imageBaseName(image: string): string | undefined {
  const [name = ''] = image.split('@');
  const base = (name.split('/').at(-1) ?? '').split(':')[0] ?? '';
  if (base === '' || name.startsWith('sha256:')) return undefined;
  return !name.includes('/') && /^(?:[0-9a-f]{12}|[0-9a-f]{64})$/.test(base) ? undefined : base;
}
