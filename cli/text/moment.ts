import { readMoment } from '../../shared/moment.ts';
import { type Setting, SettingError, setting } from '../../shared/settings.ts';

export const MOMENT_HELP = 'write 14:32 (the last one, local time), 15m (ago) or 2026-11-20T14:32:00Z';

/** Milliseconds since the epoch. What `14:32` means is settled here, by whoever asks: a daemon may be in another zone. */
export function momentSetting(common: {
  readonly flag: string;
  readonly help: string;
  readonly defaultText: string;
}): Setting<number | undefined> {
  return setting<number | undefined>({
    ...common,
    placeholder: 'TIME',
    read: (text) => {
      const moment = readMoment(text, Date.now());
      if (moment === undefined) throw new SettingError(`is no time; ${MOMENT_HELP}`);
      return moment;
    },
    absent: () => undefined,
  });
}

/** For a daemon, whose clock must have no say in what `14:32` means. */
export function isoOf(moment: number): string;
export function isoOf(moment: number | undefined): string | undefined;
export function isoOf(moment: number | undefined): string | undefined {
  return moment === undefined ? undefined : new Date(moment).toISOString();
}
