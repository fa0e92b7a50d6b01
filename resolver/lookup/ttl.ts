import type { OutsideAnswer } from '../forwarding/forwarder.ts';
import type { UsableRecord } from '../zone/select.ts';
import { TTL_MAX } from '../zone/stored-record.ts';
import type { Inquiry } from './inquiry.ts';
import type { Availability } from './settings.ts';

/** How long an RR may be kept, and what makes that less as time passes. */
export interface Lifetime {
  readonly ttlSeconds: number;
  /** When what it comes from runs out, ms since epoch; infinite when nothing does. */
  readonly endsMs: number;
}

/** A lease whose time is not known yet is asked for again so soon. */
const LEASE_UNKNOWN_MS = 1000;

/** The smaller of the record's TTL and its lease's time left; neither: the default. */
export function lifetimeOf(record: UsableRecord, { context, settings, trail }: Inquiry): Lifetime {
  const own = record.facts.traits.ttlSeconds;
  const endsMs = record.lease === undefined ? undefined : context.leaseDeadlineMs(record.lease);
  if (record.lease !== undefined && endsMs === undefined) trail.holdsUntil(context.nowMs + LEASE_UNKNOWN_MS);
  if (endsMs === undefined) {
    return { ttlSeconds: cap(own ?? settings.defaultTtlSeconds, context), endsMs: Number.POSITIVE_INFINITY };
  }
  const left = secondsLeft(endsMs, context.nowMs);
  return { ttlSeconds: cap(own === undefined ? left : Math.min(own, left), context), endsMs };
}

/** The lifetime of what has no record: the default TTL. */
export function defaultLifetime({ context, settings }: Inquiry): Lifetime {
  return { ttlSeconds: cap(settings.defaultTtlSeconds, context), endsMs: Number.POSITIVE_INFINITY };
}

/** Of an answer from outside, which counts down; its end ends the outcome too, unlike that of a lease. */
export function outsideLifetime({ validUntilMs, ttlIsZero }: OutsideAnswer, { context, trail }: Inquiry): Lifetime {
  trail.holdsUntil(validUntilMs);
  const ttlSeconds = ttlIsZero ? 0 : cap(secondsLeft(validUntilMs, context.nowMs), context);
  return { ttlSeconds, endsMs: validUntilMs };
}

export function shorter(a: Lifetime, b: Lifetime): Lifetime {
  return { ttlSeconds: Math.min(a.ttlSeconds, b.ttlSeconds), endsMs: Math.min(a.endsMs, b.endsMs) };
}

/** When an RR that is sent with `ttlSeconds` must be sent with less. At 1 it stays: a lease may still be renewed. */
export function ttlHoldsUntil({ endsMs }: Lifetime, ttlSeconds: number): number {
  return ttlSeconds > 1 ? endsMs - (ttlSeconds - 1) * 1000 : Number.POSITIVE_INFINITY;
}

/** Begun seconds count, and the last one stays: a lease past its end may yet turn out to be renewed. */
function secondsLeft(endsMs: number, nowMs: number): number {
  return Math.min(Math.max(Math.ceil((endsMs - nowMs) / 1000), 1), TTL_MAX);
}

/** The most that a TTL may be while the zone stands so; infinite while the store is followed. */
export function ttlCapOf(availability: Availability): number {
  return typeof availability === 'object' ? availability.ttlCapSeconds : Number.POSITIVE_INFINITY;
}

function cap(ttlSeconds: number, { availability }: Inquiry['context']): number {
  return Math.min(ttlSeconds, ttlCapOf(availability));
}
