import type { HostPort } from '../../shared/address.ts';
import type { LogFields } from '../../shared/log.ts';
import type { MetricsRecord } from '../../shared/metrics.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { FirstAnswer } from '../answered/unanswered.ts';
import type { ResolverConfig } from '../config.ts';
import type { FollowStep } from '../following/follow.ts';
import type { PastTold } from '../wire/past.ts';
import type { EntryLine, HeadLine } from '../zone/lines.ts';

/** What the primary, which follows the store, says to a worker, which answers. In the order in which it is sent. */
export type ToWorker =
  | {
      readonly type: 'start';
      readonly config: ResolverConfig;
      /** With the ports that were found for port 0. */
      readonly listen: readonly HostPort[];
      readonly version: string;
      /** Of the {@link SteadyClock}: one for all processes, so that moments can be told. */
      readonly clockBaseMs: number;
      /** One for all workers: a cookie of one is good at the other. */
      readonly cookieSecret: Uint8Array;
    }
  /** A part of the zone. Events that happen while the parts are on their way come between them. */
  | { readonly type: 'entries'; readonly entries: readonly EntryLine[] }
  /** The zone is whole: from here on the worker is in step, and answers. */
  | { readonly type: 'whole'; readonly head: HeadLine; readonly isLive: boolean; readonly confirmedSteadyMs: number }
  | { readonly type: 'step'; readonly step: FollowStep }
  /** @see Leases; `names` had another TTL before the deadline was known */
  | {
      readonly type: 'lease';
      readonly lease: LeaseId;
      /** By the common clock. */
      readonly deadlineMs: number;
      readonly names: readonly OwnerName[];
    }
  /** The answer to an `ask-past` of it. */
  | { readonly type: 'past'; readonly id: number; readonly told: PastTold }
  | { readonly type: 'stop' };

export type FromWorker =
  /** It hears: what is said before its program stands is lost. */
  | { readonly type: 'loaded' }
  | { readonly type: 'serving' }
  /** It cannot start; `message` says why and what to do. */
  | { readonly type: 'failed'; readonly message: string }
  /** First answers to changes, those of a moment together. */
  | { readonly type: 'answered'; readonly answers: readonly FirstAnswer[] }
  /** Every second, also as the sign that it lives. */
  | { readonly type: 'metrics'; readonly metrics: readonly MetricsRecord[] }
  /** The journal is the primary's. */
  | { readonly type: 'ask-past'; readonly id: number; readonly name: OwnerName }
  | {
      readonly type: 'log';
      readonly severity: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly message: string;
      readonly fields: LogFields;
    };

/** How often a worker says how it is. */
export const REPORT_EVERY_MS = 1000;
