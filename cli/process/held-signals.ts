/** Edge: signals that come before there is a command to pass them to. */

/** Signals that end a command, and those that mean what it makes of them. */
export const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[];
const OTHER_SIGNALS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGALRM'] as const;

/** Takes the signals of this process from its making on: those that came early are kept until somebody asks for them. */
export class HeldSignals {
  readonly #early: NodeJS.Signals[] = [];
  #take: (signal: NodeJS.Signals) => void = (signal) => this.#early.push(signal);

  constructor() {
    for (const signal of [...ENDING_SIGNALS, ...OTHER_SIGNALS]) process.on(signal, () => this.#take(signal));
  }

  /** Of those that came so far, the first that ends a command. */
  get ending(): NodeJS.Signals | undefined {
    return this.#early.find(isEnding);
  }

  /** Passes on what came so far, and from now on everything as it comes. */
  passTo(take: (signal: NodeJS.Signals) => void): void {
    this.#take = take;
    for (const signal of this.#early.splice(0)) take(signal);
  }
}

export function isEnding(signal: NodeJS.Signals): boolean {
  return (ENDING_SIGNALS as readonly NodeJS.Signals[]).includes(signal);
}

let held: HeldSignals | undefined;

/** Those of this process; held from the first call on. */
export function heldSignals(): HeldSignals {
  held ??= new HeldSignals();
  return held;
}
